"""The two ends of an interval, and the quantiles that they are computed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scipy import special


class Limits(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether a value is inside the interval, ends included."""
        return self.low <= value <= self.high


LimitsAt = Callable[[float], Limits]
"""Level (such as 0.95) → interval."""


def normal_quantile(level: float) -> float:
    """The quantile z of a two-sided interval: 1.96 for level 0.95."""
    return float(special.ndtri((1 + level) / 2))


def t_quantile(level: float, degrees: float) -> float:
    """The quantile t of a two-sided interval; the normal one for infinitely many degrees of freedom."""
    return float(special.stdtrit(degrees, (1 + level) / 2)) if degrees < 1e6 else normal_quantile(level)


def p_value(interval: LimitsAt, against: float, n_steps: int = 50) -> float:
    """The two-sided p-value of a family of intervals: 1 − the largest level whose interval excludes ``against``.

    So p < 0.05 exactly if the 95 % interval excludes it.

    Args:
        interval: level → limits.
        against: the threshold.
        n_steps: number of steps of bisection; each halves the range of p.
    """
    low, high = 0.0, 1.0  # the range of the p-value
    for _ in range(n_steps):
        middle = (low + high) / 2
        if interval(1 - middle).contains(against):
            low = middle
        else:
            high = middle
    return high
