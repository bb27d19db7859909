"""Noise layers of Huang & Zhang 2023: random rotations of a strength that is trained."""
