"""Intervals of sums and of means over runs, and the point where a falling share crosses a level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from qaml.judge.statistics.limits import Limits, t_quantile
from qaml.types import DoubleArray


def over_seeds(values: Sequence[float], level: float = 0.95) -> Limits:
    """Student's interval of a mean over training runs; unlimited for a single run, which shows no variation."""
    if len(values) < 2:
        return Limits(-math.inf, math.inf)
    half = t_quantile(level, len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    mean = float(np.mean(values))
    return Limits(mean - half, mean + half)


def weighted_sum(
    values: Sequence[float],
    limits: Sequence[Limits],
    weights: Sequence[float],
    correlations: DoubleArray | None = None,
) -> Limits:
    """Interval of Σ weight × value from the intervals of its terms (MOVER, Zou & Donner 2008).

    low = Σ w v − √(Σ d² + 2 Σ r d d′), with d each term's distance to the end that lowers the sum; the correlation r of
    two terms changes its sign where their weights have opposite ones (Zou 2007, equation 15). Without correlations
    terms are independent. Infinite values (no adversarial found) are added end by end.

    Args:
        values: value of each term.
        limits: interval of each term.
        weights: weight of each term.
        correlations: (terms, terms), correlations of the estimates.
    """
    total = sum(w * v for w, v in zip(weights, values, strict=True))
    ends = [
        (w * end.low, w * end.high) if w > 0 else (w * end.high, w * end.low)
        for w, end in zip(weights, limits, strict=True)
    ]
    if not math.isfinite(total):
        low, high = sum(end[0] for end in ends), sum(end[1] for end in ends)
        return Limits(-math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high)
    centres = [w * v for w, v in zip(weights, values, strict=True)]
    below = np.array([centre - low for centre, (low, _) in zip(centres, ends, strict=True)])
    above = np.array([high - centre for centre, (_, high) in zip(centres, ends, strict=True)])
    if correlations is None or not (np.isfinite(below).all() and np.isfinite(above).all()):
        return Limits(total - math.hypot(*below), total + math.hypot(*above))
    signed = correlations * np.outer(np.sign(weights), np.sign(weights))
    return Limits(
        total - math.sqrt(max(float(below @ signed @ below), 0.0)),
        total + math.sqrt(max(float(above @ signed @ above), 0.0)),
    )


def first_below(positions: Sequence[float], share: Callable[[float], float], level: float, interpolates: bool) -> float:
    """The first position where a falling share drops below a level (or to it, for a step); infinity if there is none.

    With ``interpolates`` the share is taken as continuous between positions and the crossing is found by bisection.
    """
    inside, outside = -1, len(positions)
    while outside - inside > 1:
        middle = (inside + outside) // 2
        value = share(positions[middle])
        if value < level or (not interpolates and value <= level + 1e-12):
            outside = middle
        else:
            inside = middle
    if outside == len(positions):
        return math.inf
    if not interpolates or outside == 0:
        return float(positions[outside])
    low, high = positions[outside - 1], positions[outside]
    for _ in range(40):
        middle_position = (low + high) / 2
        low, high = (low, middle_position) if share(middle_position) < level else (middle_position, high)
    return float(high)
