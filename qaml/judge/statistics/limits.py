"""An interval's two ends, and the quantiles that make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scipy import special


class Limits(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether a value lies inside, ends included."""
        return self.low <= value <= self.high


LimitsAt = Callable[[float], Limits]
"""Level (such as 0.95) → interval."""


def normal_quantile(level: float) -> float:
    """The z of a two-sided interval: 1.96 for 0.95."""
    return float(special.ndtri((1 + level) / 2))


def t_quantile(level: float, degrees: float) -> float:
    """The t of a two-sided interval; the normal one for infinitely many degrees of freedom."""
    return float(special.stdtrit(degrees, (1 + level) / 2)) if degrees < 1e6 else normal_quantile(level)


def p_value(interval: LimitsAt, against: float, n_steps: int = 50) -> float:
    """The two-sided p-value that belongs to a family of intervals: 1 − the largest level that excludes ``against``.

    So p < 0.05 exactly where the 95 % interval excludes it.

    Args:
        interval: level → limits.
        against: the threshold.
        n_steps: of bisection; each halves what is unknown of p.
    """
    low, high = 0.0, 1.0  # the p-value's bracket
    for _ in range(n_steps):
        middle = (low + high) / 2
        if interval(1 - middle).contains(against):
            low = middle
        else:
            high = middle
    return high
