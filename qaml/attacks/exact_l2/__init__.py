"""Exact smallest perturbations, where a classifier's mathematics has them."""
