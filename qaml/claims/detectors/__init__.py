"""Detectors: which images they are asked about, and what they find suspicious."""
