"""Adversarials made on several models at once."""
