"""Spatial smoothing: the median of a window."""
