"""Norms, projections and random perturbations."""
