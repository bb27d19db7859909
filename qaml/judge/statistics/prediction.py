"""Prediction intervals of another measurement of the same number, such as a paper's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qaml.judge.statistics.crossed import components, share_interval
from qaml.judge.statistics.limits import Limits, normal_quantile, t_quantile
from qaml.judge.statistics.runs import Reach, on_log_odds
from qaml.judge.statistics.wilson import wilson
from qaml.types import DoubleArray


def predicted_share(
    model: DoubleArray,
    n_base: float,
    n_images: int | None,
    n_seeds: int | None,
    reading_error: float,
    level: float = 0.95,
) -> Limits:
    """Prediction interval of a share that another group measured.

    Three parts are added in squares on either side: our own interval, the spread of ``n_seeds`` new training runs (for
    one of them, together with ours, the seed spread is × √(1 + 1/S)), and Wilson's interval for the other measurement's
    test images. Then the reading error is added on both sides. With one training run of ours the spread of runs is
    unknown and left out.

    Args:
        model: (S, n), our contributions.
        n_base: number of images that the share is a share of.
        n_images: number of test images of the other measurement; if ``None``, its sampling error is left out.
        n_seeds: number of training runs of the other measurement; ``None`` counts as one.
        reading_error: half-width of the error of reading the other value, such as from a figure.
        level: level of confidence, 0–1.
    """
    parts = components([model])
    ours = share_interval(model, n_base)(level)
    p = min(max(parts.value, 0.0), 1.0)
    theirs = wilson(p, n_images, level) if n_images else Limits(p, p)
    run = _spread_of_runs(model, n_base, n_seeds or 1, level) if len(model) > 1 else Reach(0.0, 0.0)
    below = math.hypot(p - ours.low, run.below, p - theirs.low) + reading_error
    above = math.hypot(ours.high - p, run.above, theirs.high - p) + reading_error
    return Limits(max(0.0, p - below), min(1.0, p + above))


MOST_RUNS = 100
"""Largest number of training runs that is proposed."""


class Images(NamedTuple):
    """Half-widths of the intervals of a share that are due to our test images, and to those of the paper."""

    ours: float
    theirs: float


def images_of_both(model: DoubleArray, n_base: float, n_images: int | None, level: float = 0.95) -> Images:
    """The parts of a prediction's half-width that our images and the paper's contribute, on the wider side.

    Args:
        model: (S, n), our contributions.
        n_base: number of images that the share is a share of.
        n_images: number of the paper's test images; ``None`` if not stated.
        level: level of confidence, 0–1.
    """
    p = min(max(float(model.mean()), 0.0), 1.0)
    both = [wilson(p, n, level) if n else Limits(p, p) for n in (n_base, n_images)]
    return Images(*(max(p - low, high - p) for low, high in both))


def runs_needed(
    per_seed: Sequence[float], n_runs: int, images: float, reading_error: float, half_width: float, level: float = 0.95
) -> int | None:
    """Number of training runs with which a prediction has at most ``half_width``; ``None`` if no number suffices.

    reach(S)² = images² + t²(S − 1) s² (1/S + 1/R), with the spread s of the present runs and the R runs of the paper. A
    single run has no spread, so the answer is two if images leave room at all. If a run's value is infinite (no attack
    fooled it), no number suffices.

    Args:
        per_seed: (S,), the value of each run.
        n_runs: R, number of training runs of the paper's value.
        images: the part of the half-width that test images contribute.
        reading_error: half-width of the error of reading the paper's value, which is added linearly.
        half_width: the wanted half-width.
        level: level of confidence, 0–1.
    """
    room = half_width - reading_error
    if room < images:
        return None
    if len(per_seed) < 2:
        return 2
    if not np.isfinite(per_seed).all():
        return None
    spread = float(np.std(per_seed, ddof=1))
    for n in range(len(per_seed) + 1, MOST_RUNS + 1):
        reach = math.hypot(images, t_quantile(level, n - 1) * spread * math.sqrt(1 / n + 1 / n_runs))
        if reach <= room:
            return n
    return None


def _spread_of_runs(model: DoubleArray, n_base: float, n_runs: int, level: float) -> Reach:
    """Distances of the mean of other runs from ours: the larger of t on shares and z on log-odds.

    For three runs t on shares covers enough (simulated: 93 to 98 %); for ten runs near 0 or 1 only log-odds do.
    """
    averages = model.mean(axis=1)
    plain = t_quantile(level, len(averages) - 1) * float(averages.std(ddof=1)) / math.sqrt(n_runs)
    skewed = on_log_odds(averages, n_base).reach_of_others(normal_quantile(level), n_runs)
    return Reach(max(plain, skewed.below), max(plain, skewed.above))
