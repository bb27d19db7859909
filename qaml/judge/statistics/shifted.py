"""A number under an attack together with the battery: the measured interval, moved by the battery's gap.

The number v is measured on all images of all training runs; the gap g, the share of images that are right under the
claim's attacks and wrong under them together with the battery, on fewer. The ends of v − g are those of the method of
variance estimates recovery (MOVER, Zou & Donner 2008, section 2.2), which adds the distances to both numbers' own
limits in squares. The two are treated as independent: the covariance through images is positive, E[g] (1 − v), so the
interval is too wide rather than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc

from qaml.judge.statistics.limits import Limits, normal_quantile, t_quantile
from qaml.judge.statistics.wilson import wilson
from qaml.types import DoubleArray, IntArray

FEW, RARE = 2, 0.01
"""Number of images of all runs, and their share, up to which runs count as having one rate: with two runs a difference
of a single image would otherwise give, by t at one degree of freedom, an interval without limits."""
SAME_RATE = 0.05
"""Smallest p-value at which one rate explains the counts of all runs."""
SPREAD = 1 / math.sqrt(3)
"""Assumed deviation of runs that one rate explains, as a share of their mean: that of gaps that are uniform between 0
and twice the mean. It must be included, since a test of few images does not notice such a deviation."""


class Gap(NamedTuple):
    """The share of images that the battery fools beyond the claim's own attacks.

    Attributes:
        share: mean over training runs of the share of their images.
        low: lower end of its interval.
        high: upper end of its interval; it is above 0 even if the battery fools none, so few images widen the result.
    """

    share: float
    low: float
    high: float


def gap_of(fooled: Sequence[float], n: Sequence[int], level: float = 0.95) -> Gap:
    """Estimate the gap from each training run's images.

    Wilson's interval of all images and Student's t over the runs' own gaps are added in squares: one run of several
    with masked gradients makes gaps differ by far more than images do (Wilson's alone then misses 7 to 15 % a side).
    Gaps near zero are skewed, so the upper end is also computed on square roots, and the larger one is taken. The term
    of runs is zero for up to two fooled images of all runs, or up to 1 % of the images. If one rate explains the
    counts, each end is the nearer of this one and of Wilson's with runs that differ by ``SPREAD``: t over three runs is
    a poor estimate of a spread that the images explain.

    Args:
        fooled: (S,), for each run the number of images that are right under the claim's attacks and wrong under them
            with the battery; a fraction where draws of a randomised model are counted.
        n: (S,), number of images that the battery ran on, the wrong ones included; a run without any is left out.
        level: level of confidence, 0–1.

    Returns:
        The gap; its interval is 0–1 if the battery ran on no image.

    Raises:
        ValueError: there are more fooled images than images, or not one count for each run.
    """
    pairs = [(count, size) for count, size in zip(fooled, n, strict=True) if size > 0 or count]
    if any(not 0 <= count <= size for count, size in pairs):
        raise ValueError(f"expected between 0 and {list(n)} images fooled, got {list(fooled)}")
    if not pairs:
        return Gap(0.0, 0.0, 1.0)
    shares = np.array([count / size for count, size in pairs])
    share = float(shares.mean())
    sizes = np.array([size for _, size in pairs])
    images = wilson(share, float(sizes.sum()), level)
    below = above = 0.0
    if len(shares) > 1 and sum(count for count, _ in pairs) > max(FEW, RARE * float(sizes.sum())):
        t = t_quantile(level, len(shares) - 1) / math.sqrt(len(shares))
        below = t * float(shares.std(ddof=1))
        of_roots = (math.sqrt(share) + t * float(np.sqrt(shares).std(ddof=1))) ** 2 - share
        above = max(below, of_roots)
        if _share_a_rate(shares, sizes):
            assumed = normal_quantile(level) * SPREAD / math.sqrt(len(shares))
            below = min(below, assumed * share)
            above = min(above, _farthest(share, images.high - share, assumed))
    low = share - math.hypot(share - images.low, below)
    high = share + math.hypot(images.high - share, above)
    return Gap(share, max(low, 0.0), min(high, 1.0))


def _share_a_rate(shares: DoubleArray, sizes: IntArray) -> bool:
    """Whether one rate explains the counts of all runs (Pearson's χ²)."""
    rate = float((shares * sizes).sum() / sizes.sum())
    if rate == 1:
        return True
    statistic = float((sizes * np.square(shares - rate)).sum()) / (rate * (1 - rate))
    return float(chdtrc(len(shares) - 1, statistic)) > SAME_RATE


def _farthest(share: float, images: float, assumed: float) -> float:
    """The part of runs in the largest mean g that explains ``share``, if runs differ in proportion to g.

    (g − share)² = images² + (assumed g)².
    """
    if assumed >= 1:
        return math.inf
    a, c = 1 - assumed**2, share**2 - images**2
    return assumed * (share + math.sqrt(share**2 - a * c)) / a


def shifted(
    limits: Limits, value: float, fooled: Sequence[float], n: Sequence[int], level: float = 0.95, weight: float = 1.0
) -> Limits:
    """Interval of ``value − weight × g``, the number that remains under the attack together with the battery.

    Args:
        limits: interval of ``value`` alone, at ``level``.
        value: the value under the claim's own attacks.
        fooled: (S,), number of images that only the battery fools, for each training run (``gap_of``).
        n: (S,), number of images that the battery ran on.
        level: level of confidence, 0–1.
        weight: weight of the cell in a contrast; a negative one moves the interval up. Several cells are taken in turn,
            each with the limits and the value that the cell before resulted in.
    """
    return moved(limits, value, gap_of(fooled, n, level), weight)


def moved(limits: Limits, value: float, gap: Gap, weight: float = 1.0) -> Limits:
    """Interval of ``value − weight × g`` for a gap g that is already estimated.

    low' = (v − g) − √((v − low)² + (g_high − g)²), high' = (v − g) + √((high − v)² + (g − g_low)²), with w × g for g.
    """
    less, more = weight * (gap.share - gap.low), weight * (gap.high - gap.share)
    if weight < 0:
        less, more = more, less
    centre = value - weight * gap.share
    return Limits(centre - math.hypot(value - limits.low, more), centre + math.hypot(limits.high - value, less))
