"""Detectors: the images that they are tried on, and their measures of suspicion."""
