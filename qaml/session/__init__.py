"""A run from the selection of claims to their outcomes."""
