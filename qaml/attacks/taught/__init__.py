"""Adversarials by a surrogate that is taught around them."""
