"""Metrics: pure functions from per-image evidence to numbers for each seed and image."""
