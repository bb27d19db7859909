"""Foolbox, imported quietly, and its view of a classifier."""
