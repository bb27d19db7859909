"""Attacks made on a surrogate."""
