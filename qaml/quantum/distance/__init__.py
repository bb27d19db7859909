"""Exact L2 distances to decision boundaries: quadrics for collapsed circuits, hyperplanes for linear classifiers."""
