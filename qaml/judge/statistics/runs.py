"""Training runs near 0 and 1: how far the mean of all runs may lie from the mean of a few.

Shares of training runs near an edge are skewed: most lie at the edge, a few far from it, and the mean rests on the few.
Student's t on shares then covers 75–90 % (simulated: 3 to 10 runs, mean 5 % ± 8 points), missing always on the side
away from the edge. Log-odds are nearly symmetric, so t is applied to them, with Cox's term for the mean of a skewed law
(Zhou & Gao 1997). Shares are first moved inwards by a tenth of their mean's distance to the edges: a run at 0.01 % says
no more of the mean than one at 0.1 %, but its log-odds would rule the spread. Where log-odds are skewed themselves
(most runs train well, a few fail by far) the side of their long tail is widened by what five or more runs show of it.
All constants were chosen by simulation (docs/statistics.md).
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
"""Of the mean's distance to the edges, how far every run's share is moved from them."""
INWARDS_IMAGES = 0.2
"""Images by which it is moved besides: 0 of 100 is not 0."""

FEWEST_FOR_SKEW = 5
"""Training runs from which a skewness says anything of their law."""
FARTHEST = 0.5
"""By how much an end is moved out for skew at most: more costs width where log-odds are normal and gains little."""


class Reach(NamedTuple):
    """How far something lies, or its variance, below and above an estimate."""

    below: float
    above: float


class Runs(NamedTuple):
    """The mean share of training runs on the scale of log-odds.

    Attributes:
        share: the mean.
        shift: how far shares were moved inwards.
        lower: log-odds from which the lower end is counted: of the mean, or Cox's estimate of it, whatever is smaller.
        upper: the same for the upper end, whatever is larger.
        error: standard error of either.
        centre: log-odds of a typical run.
        spread: standard deviation of a run's log-odds.
        tail: share by which either end is moved farther out, for log-odds that are skewed themselves.
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
    """Estimate the mean of several training runs' shares and its error on log-odds.

    Args:
        averages: (S,) each run's share, S ≥ 2.
        n: images that each is taken among.
    """
    n_runs = len(averages)
    p = min(max(float(averages.mean()), 0.0), 1.0)
    shift = INWARDS * p * (1 - p) + INWARDS_IMAGES / n
    scores = special.logit((np.clip(averages, 0.0, 1.0) + shift) / (1 + 2 * shift))
    # runs that are all at the edge hide how much they differ: at most the spread of one step in log-odds
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
    """How much farther a mean may lie on the side of a long tail: the runs' own skewness, as far as they can show it.

    It counts as (S − 4) / S, so not at all for three or four runs, and not where images make the spread.

    Args:
        scores: (S,) log-odds.
        by_images: variance that images alone give them.
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
        averages: (S,) each run's share, S ≥ 2.
        n: images that each is taken among.
        weight: in the contrast.
    """

    averages: DoubleArray
    n: float
    weight: float


def net_skew(arms: Sequence[Arm], level: float = 0.95) -> Reach:
    """Variance that skewed shares add to either side of a contrast, beyond what a symmetric t allows for.

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
