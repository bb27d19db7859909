"""Uniform noise, the control."""
