"""Numbers that are not averages over images: points where a curve crosses a level, losses, and their contrasts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from qaml.judge.resolve import Resolved
from qaml.judge.statistics.combined import first_below, over_seeds, weighted_sum
from qaml.judge.statistics.crossed import correlation, share_interval
from qaml.judge.statistics.limits import Limits, LimitsAt, t_quantile
from qaml.metrics.contributions import Contributions, align
from qaml.metrics.crossing import FallingShare
from qaml.types import DoubleArray


class Quantity(NamedTuple):
    """A measured number with its intervals.

    Attributes:
        value: the point estimate.
        interval: level of confidence → interval.
        per_seed: the value of each training run.
        n_images: number of images; 0 for a number without images.
        method: how the interval is computed, in a few words.
        at_value: for a crossing, the contributions of the share where it crosses; for a share, its own contributions.
    """

    value: float
    interval: LimitsAt
    per_seed: tuple[float, ...]
    n_images: int
    method: str
    at_value: Contributions | None = None


def number(one: Resolved) -> Quantity:
    """The number of one cell with its interval."""
    if isinstance(one, FallingShare):
        return _crossing(one)
    if isinstance(one, Contributions):
        per_seed = tuple(float(value) for value in one.per_seed)
        interval = share_interval(one.values, one.n_base)
        return Quantity(float(one.values.mean()), interval, per_seed, len(one.indices), "seeds × images", one)
    return scalar(one)


def scalar(values: Sequence[float]) -> Quantity:
    """The mean of one number a training run, with Student's interval, which is unlimited for a single run."""
    name = "t over seeds" if len(values) > 1 else "one training run, no interval"
    return Quantity(float(np.mean(values)), lambda level: over_seeds(values, level), tuple(values), 0, name)


def contrast(terms: Sequence[Quantity], weights: Sequence[float], models: Sequence[str] = ()) -> Quantity:
    """Σ weight × number; the intervals are combined in squares, with correlations for shared images.

    Args:
        terms: the numbers.
        weights: the weight of each number.
        models: a name for the training runs that each number is measured on; equal names are the same runs.
    """
    if len(terms) == 1 and weights[0] == 1:
        return terms[0]
    correlations = _correlations(terms, models)

    def at(level: float) -> Limits:
        limits = [term.interval(level) for term in terms]
        return weighted_sum([term.value for term in terms], limits, weights, correlations)

    with np.errstate(invalid="ignore"):
        value = float(np.dot([term.value for term in terms], weights))
        n_seeds = min(len(term.per_seed) for term in terms)
        per_seed = tuple(float(np.dot([term.per_seed[s] for term in terms], weights)) for s in range(n_seeds))
    method = terms[0].method if correlations is None else f"{terms[0].method}, images paired"
    return Quantity(value, at, per_seed, min(term.n_images for term in terms), method)


def _correlations(terms: Sequence[Quantity], models: Sequence[str]) -> DoubleArray | None:
    """Correlations of the terms' estimates, (terms, terms), from the shares at the points where they cross.

    A quantile moves with the share that exceeds it (Bahadur 1966), so two quantiles are correlated as those shares are.
    ``None`` if no terms are correlated.
    """
    found = np.eye(len(terms))
    for i, j in combinations(range(len(terms)), 2):
        first, second = terms[i].at_value, terms[j].at_value
        if first is None or second is None or len(np.intersect1d(first.indices, second.indices)) < 2:
            continue
        rows = align([(first.values, first.indices), (second.values, second.indices)]).rows
        is_same = bool(models) and models[i] == models[j]
        found[i, j] = found[j, i] = correlation(rows[0], rows[1], is_same_runs=is_same)
    return found if found.sum() > len(terms) else None


def predicted(own: Quantity, n_runs: int, reading_error: float, level: float) -> Limits:
    """Prediction interval of the mean of ``n_runs`` other training runs, with a reading error (``predicted_share``)."""
    low, high = own.interval(level)
    if len(own.per_seed) > 1 and all(math.isfinite(value) for value in own.per_seed):
        spread = float(np.std(own.per_seed, ddof=1)) / math.sqrt(n_runs)
        away = t_quantile(level, len(own.per_seed) - 1) * spread
        low, high = own.value - math.hypot(own.value - low, away), own.value + math.hypot(high - own.value, away)
    return Limits(low - reading_error, high + reading_error)


def without_runs(own: Quantity, level: float = 0.95) -> float:
    """The half-width of the interval that is due to images alone: without the part of t over training runs."""
    low, high = own.interval(level)
    reach = max(own.value - low, high - own.value)
    if len(own.per_seed) < 2 or not math.isfinite(reach):
        return reach
    runs = t_quantile(level, len(own.per_seed) - 1) * float(np.std(own.per_seed, ddof=1)) / math.sqrt(len(own.per_seed))
    return math.sqrt(max(reach**2 - runs**2, 0.0))


def _crossing(falling: FallingShare) -> Quantity:
    """The position where a falling share crosses a level; its interval is where the share's interval holds the level.

    A curve that has not crossed the level at its last budget crosses it later, so the lower end is at most that budget.
    """
    positions = [float(p) for p in falling.positions]
    shares = lru_cache(maxsize=512)(falling.at)

    @lru_cache(maxsize=512)
    def interval(position: float) -> LimitsAt:
        return share_interval(shares(position).values, shares(position).n_base)

    def crossing(share: Callable[[float], float]) -> float:
        return first_below(positions, share, falling.level, falling.interpolates) if positions else math.inf

    def of_seed(seed: int) -> float:
        return crossing(lambda x: float(shares(x).per_seed[seed]))

    def at(level: float) -> Limits:
        low = crossing(lambda x: interval(x)(level).low)
        high = crossing(lambda x: interval(x)(level).high)
        return Limits(min(low, positions[-1]) if falling.interpolates else low, high)

    n_seeds, n_images = shares(positions[0] if positions else 0.0).values.shape
    per_seed = tuple(map(of_seed, range(n_seeds)))
    value = crossing(lambda x: float(shares(x).values.mean()))
    at_value = shares(value) if positions and math.isfinite(value) else None
    return Quantity(value, at, per_seed, n_images, "where the interval of the share holds the level", at_value)
