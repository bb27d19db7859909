"""Shrinking images by area averages, without an imaging library: exact, and the same everywhere."""

from __future__ import annotations

import numpy as np

from qaml.types import DoubleArray, FloatArray

CHUNK = 2048
"""Number of images shrunk at a time: float64 copies of 60,000 would take gigabytes."""


def area_weights(n_from: int, n_to: int) -> DoubleArray:
    """The share of each old pixel in each new one, along one axis.

    New pixel i covers [i, i + 1) · n_from / n_to of the old axis, so averaging is its own antialiasing filter. Overlaps
    are counted in whole units of 1 / n_to: a block mean over 4 pixels gets weights of exactly 1/4.

    Returns:
        (n_to, n_from), rows that sum to one.
    """
    old = np.arange(n_from) * n_to
    new = np.arange(n_to)[:, None] * n_from
    overlap = np.minimum(new + n_from, old + n_to) - np.maximum(new, old)
    weights: DoubleArray = np.maximum(overlap, 0) / n_from
    return weights


def downscale(images: FloatArray, size: int) -> FloatArray:
    """Average images down to size × size.

    Args:
        images: (n, channels, height, width), neither side shorter than ``size``.
        size: height and width of the new images, in pixels.

    Returns:
        (n, channels, size, size) float32; within the range of the old ones.
    """
    n, channels, height, width = images.shape
    rows, columns = area_weights(height, size), area_weights(width, size)
    result = np.empty((n, channels, size, size), np.float32)
    for start in range(0, n, CHUNK):
        chunk = images[start : start + CHUNK].astype(np.float64)
        result[start : start + CHUNK] = rows @ (chunk @ columns.T)
    return result
