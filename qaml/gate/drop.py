"""The evidence that one cell's accuracy has fallen: exact on the same images, or over training runs.

Two sets of fixed weights differ on the images that one gets right and the other wrong; whether more
were lost than gained is the sign test, exact for any number of images (McNemar's for a single model). Models that were
trained again differ by chance, too, so there the training runs are what is counted (Welch; ``crossed``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from qaml.judge.statistics.crossed import components, contrast_interval
from qaml.judge.statistics.exact import binomial_excess
from qaml.judge.statistics.limits import LimitsAt, p_value
from qaml.judge.statistics.paired import tango
from qaml.judge.statistics.runs import Arm, net_skew
from qaml.types import DoubleArray

POWER = 0.95
"""Chance of noticing the drop that is called detectable."""
DISCORDANCE = 0.08
"""Assumed share of images on which two versions of a model differ, unless more of them were seen to differ."""
_NUISANCE = 1e-6
"""Chance that the share of differing images is below its limit (Berger & Boos 1994); added to the p-value."""

Shares = NDArray[np.floating]


class Drop(NamedTuple):
    """A difference of an accuracy before and after, with its uncertainty.

    Attributes:
        value: accuracy before − accuracy after, as shares; negative where it has risen.
        low: lower end of its 95 % interval.
        high: upper end of that interval.
        p_worse: one-sided p-value of a drop beyond the tolerance.
        p_better: one-sided p-value of a rise beyond the tolerance.
        method: name of the statistical method, for readers.
        detectable: level → the smallest drop that is noticed at this level with a chance of ``POWER``.
    """

    value: float
    low: float
    high: float
    p_worse: float
    p_better: float
    method: str
    detectable: Callable[[float], float]


def of_fixed(before: Shares, after: Shares, tolerance: float = 0.0) -> Drop:
    """The drop between fixed weights, on the same images in the same order.

    Args:
        before: (seeds, n) shares of draws that were right; zeros and ones without randomness.
        after: (seeds, n) the same now, of the same seeds.
        tolerance: a drop that does not count.
    """
    difference = before.mean(axis=0, dtype=np.float64) - after.mean(axis=0, dtype=np.float64)
    n = len(difference)
    lost, gained = int((difference > 0).sum()), int((difference < 0).sum())
    is_binary = len(before) == 1 and bool(np.isin(np.concatenate((before, after)), (0, 1)).all())
    normal = contrast_interval(components([difference[None]]))
    ends = tango(lost, gained, n) if is_binary else normal(0.95)
    if is_binary or tolerance == 0:
        worse, better = (_exact(count, lost + gained, n, tolerance) for count in (lost, gained))
    else:  # the sign test counts images, not how much of each was lost
        worse, better = _one_sided(normal, float(difference.mean()), tolerance)

    def detectable(level: float) -> float:
        return _detectable(n, max((lost + gained) / n, DISCORDANCE), tolerance, level)

    return Drop(float(difference.mean()), ends.low, ends.high, worse, better, "same weights, same images", detectable)


def of_retrained(before: Shares, after: Shares, tolerance: float = 0.0) -> Drop:
    """The drop between training runs, several on either side, on the same images in the same order.

    Args:
        before: (seeds, n) shares of draws that were right.
        after: (seeds', n) the same of the runs now.
        tolerance: a drop that does not count.

    Raises:
        ValueError: a side has one training run only, which cannot show how much runs differ.
    """
    if min(len(before), len(after)) < 2:
        raise ValueError("expected at least two training runs on either side")
    arms = [before.astype(np.float64), -after.astype(np.float64)]
    n = float(before.shape[1])
    skew = net_skew([Arm(arms[0].mean(axis=1), n, 1.0), Arm(-arms[1].mean(axis=1), n, -1.0)])
    parts = components(arms, is_floored=True)
    interval = contrast_interval(parts, 1.0, skew)
    ends = interval(0.95)

    def detectable(level: float) -> float:
        reach, chance = interval(1 - 2 * level), interval(2 * POWER - 1)
        return min(tolerance + parts.value - reach.low + parts.value - chance.low, 1.0)

    method = f"{len(before)} training runs against {len(after)}"
    worse, better = _one_sided(interval, parts.value, tolerance)
    return Drop(parts.value, ends.low, ends.high, worse, better, method, detectable)


def _one_sided(interval: LimitsAt, value: float, tolerance: float) -> tuple[float, float]:
    """The p-values of a drop beyond the tolerance, and of a rise beyond it."""
    worse, better = (p_value(interval, against, n_steps=30) / 2 for against in (tolerance, -tolerance))
    return worse if value > tolerance else 1 - worse, better if value < -tolerance else 1 - better


def _exact(count: int, differing: int, n: int, tolerance: float) -> float:
    """The p-value of ``count`` lost images among those that differ, given a net loss of at most the tolerance."""
    if tolerance == 0:
        return binomial_excess(count, differing, 0.5)
    share = _largest_share(np.array([differing]), n, tolerance)[0]
    return min(binomial_excess(count, differing, float(share)) + _NUISANCE, 1.0)


def _largest_share(differing: NDArray[np.integer], n: int, tolerance: float) -> DoubleArray:
    """The largest share of the differing images that can be lost with a net loss of the tolerance.

    It is ½ + tolerance/(2ψ) where ψ images in one differ, so it takes ψ's lower limit (Clopper & Pearson 1934).
    """
    if tolerance == 0:
        return np.full(len(differing), 0.5)
    low = np.where(differing > 0, special.betaincinv(np.maximum(differing, 1), n - differing + 1, _NUISANCE), 0.0)
    return np.minimum(0.5 + tolerance / (2 * np.maximum(low, tolerance)), 1.0)


def _detectable(n: int, discordance: float, tolerance: float, level: float) -> float:
    """The smallest drop that the exact test notices, to a thousandth; 1 where it notices none."""
    low, high = tolerance, 1.0
    if _power(n, discordance, high, tolerance, level) < POWER:
        return 1.0
    while high - low > 5e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if _power(n, discordance, middle, tolerance, level) >= POWER else (middle, high)
    return high


def _power(n: int, discordance: float, drop: float, tolerance: float, level: float) -> float:
    """The chance that the exact test notices a drop."""
    differs = max(discordance, drop)
    spread = 8 * (n * differs * (1 - differs)) ** 0.5 + 8
    differing = np.arange(max(int(n * differs - spread), 0), min(int(n * differs + spread), n) + 1)
    bound = max(level - (_NUISANCE if tolerance else 0.0), 1e-300)
    needed = stats.binom.isf(bound, differing, _largest_share(differing, n, tolerance)) + 1
    noticed = stats.binom.sf(needed - 1, differing, (differs + drop) / (2 * differs))
    return float((stats.binom.pmf(differing, n, differs) * noticed).sum())
