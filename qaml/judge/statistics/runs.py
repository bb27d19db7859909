"""The distance between the mean of a few training runs and that of all runs, for shares near 0 and 1.

Shares of training runs near an edge are skewed: most are at the edge, a few far from it, and the mean depends on the
few. Student's t on shares then covers 75–90 % (simulated: 3 to 10 runs, mean 5 % ± 8 points), and always fails on the
side away from the edge. Log-odds are nearly symmetric, so t is applied to them, with Cox's term for the mean of a
skewed distribution (Zhou & Gao 1997). Shares are first moved inwards by a tenth of their mean's distance to the edges:
a run at 0.01 % shows no more about the mean than one at 0.1 %, but its log-odds would dominate the spread. If log-odds
are skewed themselves (most runs train well, a few fail by far), the side of their long tail is widened by the skewness
that five or more runs show. All constants were chosen by simulation (docs/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from qaml.judge.statistics.limits import t_quantile
from qaml.types import DoubleArray

INWARDS = 0.1
"""Distance by which each run's share is moved inwards, as a share of the mean's distance to the edges."""
INWARDS_IMAGES = 0.2
"""Additional distance by which each run's share is moved inwards, in images: 0 of 100 does not mean 0."""

FEWEST_FOR_SKEW = 5
"""Smallest number of training runs whose skewness is used."""
FARTHEST = 0.5
"""Largest share by which an end is moved outwards for skewness: more widens normal log-odds for little gain."""


class Reach(NamedTuple):
    """Distances, or variances, below and above an estimate."""

    below: float
    above: float


class Runs(NamedTuple):
    """The mean share of training runs on the scale of log-odds.

    Attributes:
        share: the mean share.
        shift: distance by which shares were moved inwards.
        lower: log-odds from which the lower end is measured: the smaller one of the mean's and Cox's estimate.
        upper: log-odds from which the upper end is measured: the larger one of the mean's and Cox's estimate.
        error: standard error of ``lower`` and ``upper``.
        centre: mean of the runs' log-odds.
        spread: standard deviation of a run's log-odds.
        tail: shares by which the ends are moved outwards because log-odds are skewed themselves.
    """

    share: float
    shift: float
    lower: float
    upper: float
    error: float
    centre: float
    spread: float
    tail: Reach = Reach(0.0, 0.0)

    def reach(self, t: float) -> Reach:
        """Distances of the ends from the mean, ``t`` standard errors away."""
        return Reach(
            max(self.share - self._share(self.lower - t * self.error * (1 + self.tail.below)), 0.0),
            max(self._share(self.upper + t * self.error * (1 + self.tail.above)) - self.share, 0.0),
        )

    def reach_of_others(self, z: float, n_runs: int) -> Reach:
        """Distances from the mean within which the mean of ``n_runs`` other runs lies, ``z`` deviations away."""
        away = z * self.spread / math.sqrt(n_runs)
        return Reach(
            max(self.share - self._share(self.centre - away), 0.0),
            max(self._share(self.centre + away) - self.share, 0.0),
        )

    def _share(self, log_odds: float) -> float:
        return float(special.expit(log_odds)) * (1 + 2 * self.shift) - self.shift


def on_log_odds(averages: DoubleArray, n: float) -> Runs:
    """Estimate the mean of several training runs' shares and its error, on the scale of log-odds.

    Args:
        averages: (S,), share of each run, S ≥ 2.
        n: number of images that each share is a share of.
    """
    n_runs = len(averages)
    p = min(max(float(averages.mean()), 0.0), 1.0)
    shift = INWARDS * p * (1 - p) + INWARDS_IMAGES / n
    scores = special.logit((np.clip(averages, 0.0, 1.0) + shift) / (1 + 2 * shift))
    # runs that are all at the edge do not show how much they differ: it is at most one step in log-odds
    rare = n_runs * n * min(p, 1 - p)
    variance = float(scores.var(ddof=1)) + (1 + rare) ** -3
    middle = (p + shift) / (1 + 2 * shift)
    skew = 1 - 2 * middle
    centre = float(scores.mean())
    plain, cox = float(special.logit(middle)), centre + skew * variance / 2
    error = math.sqrt(variance / n_runs + (skew * variance) ** 2 / (2 * (n_runs - 1)))
    by_images = 1 / max(n * middle * (1 - middle), 1.0)
    tail = _tail(scores, by_images)
    return Runs(p, shift, min(plain, cox), max(plain, cox), error, centre, math.sqrt(variance), tail)


def _tail(scores: DoubleArray, by_images: float) -> Reach:
    """Shares by which the ends are moved outwards on the side of a long tail, from the skewness of the runs.

    The skewness has weight (S − 4) / S, so none for three or four runs, and none if images explain the spread.

    Args:
        scores: (S,), log-odds of each run.
        by_images: variance of log-odds that images alone cause.
    """
    n_runs = len(scores)
    variance = float(scores.var(ddof=1))
    if n_runs < FEWEST_FOR_SKEW or variance <= by_images:
        return Reach(0.0, 0.0)
    deviations = scores - scores.mean()
    skewness = float((deviations**3).mean() / (deviations**2).mean() ** 1.5)
    weight = (1 - by_images / variance) * (1 - (FEWEST_FOR_SKEW - 1) / n_runs)
    tail = min(weight * abs(skewness), FARTHEST)
    return Reach(tail, 0.0) if skewness < 0 else Reach(0.0, tail)


class Arm(NamedTuple):
    """One model's share in a contrast.

    Attributes:
        averages: (S,), share of each run, S ≥ 2.
        n: number of images that each share is a share of.
        weight: weight in the contrast.
    """

    averages: DoubleArray
    n: float
    weight: float


def net_skew(arms: Sequence[Arm], level: float = 0.95) -> Reach:
    """Variances that skewed shares add to either side of a contrast, beyond those of a symmetric t.

    Skews of the same direction cancel (two models near 100 %), opposite ones add up (one near 100 %, one near 0 %).
    """
    below = above = 0.0
    for averages, n, weight in arms:
        t = t_quantile(level, len(averages) - 1)
        reach = on_log_odds(averages, n).reach(t)
        plain = float(averages.var(ddof=1)) / len(averages)
        ends = [weight**2 * max((end / t) ** 2 - plain, 0.0) for end in reach]
        low, high = ends if weight > 0 else reversed(ends)
        below, above = below + low, above + high
    return Reach(max(below - above, 0.0), max(above - below, 0.0))
