"""Transforms: pure functions from a dataset to a dataset, that keep ``indices``; one a file."""
