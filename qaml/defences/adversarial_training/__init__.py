"""Adversarial training: attacked examples among the training data."""
