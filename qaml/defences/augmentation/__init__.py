"""Gaussian data augmentation: noisy copies among the training data."""
