"""Numbers that are no averages over images: where a curve crosses a level, losses, and contrasts with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from qaml.judge.resolve import Resolved
from qaml.judge.statistics.combined import first_below, over_seeds, weighted_sum
from qaml.judge.statistics.crossed import share_interval
from qaml.judge.statistics.limits import Interval, Limits, t_quantile
from qaml.metrics.contributions import Contributions
from qaml.metrics.crossing import FallingShare


class Number(NamedTuple):
    """A measured number with its intervals.

    Attributes:
        value: the point estimate.
        interval: as a function of the level.
        per_seed: the value of each training run.
        n_images: 0 for a number without images.
        method: how the interval is made, in a few words.
    """

    value: float
    interval: Interval
    per_seed: tuple[float, ...]
    n_images: int
    method: str


def number(one: Resolved) -> Number:
    """A cell's number by itself."""
    if isinstance(one, FallingShare):
        return _crossing(one)
    if isinstance(one, Contributions):
        per_seed = tuple(float(value) for value in one.per_seed)
        interval = share_interval(one.values, one.n_base)
        return Number(float(one.values.mean()), interval, per_seed, len(one.indices), "seeds × images")
    return scalar(one)


def scalar(values: Sequence[float]) -> Number:
    """One number a training run, with Student's interval; unlimited for a single one."""
    name = "t over seeds" if len(values) > 1 else "one training run, no interval"
    return Number(float(np.mean(values)), lambda level: over_seeds(values, level), tuple(values), 0, name)


def contrast(terms: Sequence[Number], weights: Sequence[float]) -> Number:
    """Σ weight × number: each with its own interval, combined in squares."""
    if len(terms) == 1 and weights[0] == 1:
        return terms[0]

    def at(level: float) -> Limits:
        return weighted_sum([term.value for term in terms], [term.interval(level) for term in terms], weights)

    with np.errstate(invalid="ignore"):
        value = float(np.dot([term.value for term in terms], weights))
        n_seeds = min(len(term.per_seed) for term in terms)
        per_seed = tuple(float(np.dot([term.per_seed[s] for term in terms], weights)) for s in range(n_seeds))
    return Number(value, at, per_seed, min(term.n_images for term in terms), terms[0].method)


def predicted(own: Number, n_runs: int, reading_error: float, level: float) -> Limits:
    """Where the mean of ``n_runs`` other training runs may lie, read off with an error; see ``predicted_share``."""
    low, high = own.interval(level)
    if len(own.per_seed) > 1 and all(math.isfinite(value) for value in own.per_seed):
        spread = float(np.std(own.per_seed, ddof=1)) / math.sqrt(n_runs)
        away = t_quantile(level, len(own.per_seed) - 1) * spread
        low, high = own.value - math.hypot(own.value - low, away), own.value + math.hypot(high - own.value, away)
    return Limits(low - reading_error, high + reading_error)


def without_runs(own: Number, level: float = 0.95) -> float:
    """How far the interval reaches by chance of images alone: what is left of it without t over training runs."""
    low, high = own.interval(level)
    reach = max(own.value - low, high - own.value)
    if len(own.per_seed) < 2 or not math.isfinite(reach):
        return reach
    runs = t_quantile(level, len(own.per_seed) - 1) * float(np.std(own.per_seed, ddof=1)) / math.sqrt(len(own.per_seed))
    return math.sqrt(max(reach**2 - runs**2, 0.0))


def _crossing(falling: FallingShare) -> Number:
    """Where a falling share crosses a level; its interval is where the share's own interval holds the level.

    A curve that has not crossed at its last budget crosses somewhere beyond: the lower end is that budget, no more.
    """
    positions = [float(p) for p in falling.positions]
    shares = lru_cache(maxsize=512)(falling.at)

    @lru_cache(maxsize=512)
    def interval(position: float) -> Interval:
        return share_interval(shares(position).values, shares(position).n_base)

    def crossing(share: Callable[[float], float]) -> float:
        return first_below(positions, share, falling.level, falling.interpolates) if positions else math.inf

    def at(level: float) -> Limits:
        low = crossing(lambda x: interval(x)(level).low)
        high = crossing(lambda x: interval(x)(level).high)
        return Limits(min(low, positions[-1]) if falling.interpolates else low, high)

    n_seeds, n_images = shares(positions[0] if positions else 0.0).values.shape
    per_seed = tuple(crossing(lambda x, s=s: float(shares(x).per_seed[s])) for s in range(n_seeds))  # type: ignore[misc]
    value = crossing(lambda x: float(shares(x).values.mean()))
    return Number(value, at, per_seed, n_images, "where the interval of the share holds the level")
