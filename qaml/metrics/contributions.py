"""A metric before it is averaged: a number for each seed and image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.types import DoubleArray, IntArray


class Contributions(NamedTuple):
    """Numbers whose average over images is a metric's value for each seed.

    Attributes:
        values: (seeds, n) float64; for a ratio its linearisation (pseudo-values), whose mean is the ratio itself.
        indices: (n,) original positions of the images, increasing; they pair models and attacks.
        is_share: the metric lies in [0, 1].
        n_base: images that the share is taken among (fewer than n for a ratio).
    """

    values: DoubleArray
    indices: IntArray
    is_share: bool
    n_base: float

    @property
    def per_seed(self) -> DoubleArray:
        """(seeds,) the metric's value for each seed."""
        averages: DoubleArray = self.values.mean(axis=1)
        return averages


def share(values: NDArray[np.floating], indices: IntArray) -> Contributions:
    """Contributions of a plain average of numbers in [0, 1]; values: (seeds, n)."""
    return Contributions(np.asarray(values, dtype=np.float64), indices, True, float(len(indices)))


def ratio(numerator: DoubleArray, denominator: DoubleArray, indices: IntArray) -> Contributions:
    """Contributions of Σ numerator / Σ denominator for each seed, linearised by the delta method.

    With r = Σ a / Σ b the pseudo-value of image i is r + (aᵢ − r bᵢ) / mean(b): its mean is r, and its spread over
    images is, to first order, that of r (Cochran 1977, section 6.3). Where the denominator is zero the ratio is NaN.

    Args:
        numerator: (seeds, n), no larger than the denominator.
        denominator: (seeds, n), at least zero.
        indices: (n,) original positions.
    """
    base = denominator.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = numerator.mean(axis=1, keepdims=True) / base
        linear = value + (numerator - value * denominator) / base
    return Contributions(linear, indices, True, float(base.mean() * len(indices)))


class Aligned(NamedTuple):
    """Evidence on the images that all of it has in common.

    Attributes:
        rows: arrays (…, n), one for each input, in the order given.
        indices: (n,) original positions, increasing.
    """

    rows: tuple[DoubleArray, ...]
    indices: IntArray


def align(evidence: Sequence[tuple[NDArray[np.floating], IntArray]]) -> Aligned:
    """Restrict arrays (…, n) with their original positions to the images that all of them have.

    Raises:
        ValueError: they have no image in common.
    """
    common = evidence[0][1]
    for _, indices in evidence[1:]:
        common = np.intersect1d(common, indices)
    common = np.unique(common)
    if not len(common):
        raise ValueError("the evidence has no image in common")
    rows = []
    for values, indices in evidence:
        order = np.argsort(indices, kind="stable")
        picked = order[np.searchsorted(indices[order], common)]
        rows.append(np.asarray(values[..., picked], dtype=np.float64))
    return Aligned(tuple(rows), common)
