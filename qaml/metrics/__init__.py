"""Metrics: pure functions from per-image evidence to numbers."""
