"""Simulated coverage of intervals: training runs whose true shares vary, images that are as hard for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.polynomial import hermite_e
from numpy.typing import NDArray
from scipy import optimize, special

from qaml.judge.statistics.crossed import components, contrast_interval, share_interval
from tests.judge.sources import correlated

Law = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]
_NODES, _WEIGHTS = hermite_e.hermegauss(60)


class Setting(NamedTuple):
    """One simulated situation.

    Attributes:
        seeds: training runs.
        n: images.
        share: true mean over runs and images.
        deviation: of a run's true share.
        agreement: how much of an image's difficulty the runs have in common (latent correlation).
    """

    seeds: int
    n: int
    share: float
    deviation: float
    agreement: float


def seed_law(share: float, deviation: float) -> Law:
    """Logit-normal true shares of training runs with this mean and standard deviation."""
    if deviation == 0:
        return lambda _, size: np.full(size, share)
    weights = _WEIGHTS / _WEIGHTS.sum()

    def moments(centre: float, spread: float) -> tuple[float, float]:
        values = special.expit(centre + spread * _NODES)
        mean = float(weights @ values)
        return mean, float(np.sqrt(weights @ (values - mean) ** 2))

    def centre(spread: float) -> float:
        return float(optimize.brentq(lambda c: moments(c, spread)[0] - share, -60, 60))

    spread = float(optimize.brentq(lambda s: moments(centre(s), s)[1] - deviation, 1e-6, 8))
    middle = centre(spread)
    return lambda generator, size: special.expit(middle + spread * generator.standard_normal(size))


def share_coverage(setting: Setting, repetitions: int, generator: np.random.Generator) -> float:
    """How often the 95 % interval of a share holds the truth."""
    law = seed_law(setting.share, setting.deviation)
    difficulty = generator.standard_normal((repetitions, setting.n))
    shares = law(generator, (repetitions, setting.seeds))
    runs = correlated(generator, shares, difficulty, setting.agreement).astype(np.float64)
    hits = [share_interval(run, float(setting.n))(0.95).contains(setting.share) for run in runs]
    return float(np.mean(hits))


def difference_coverage(setting: Setting, other: float, repetitions: int, generator: np.random.Generator) -> float:
    """How often the 95 % interval of a difference of two models on the same images holds the truth.

    Args:
        setting: the first model; the second has the same but for ``other``, its true share.
        other: the second model's true share.
        repetitions: simulated measurements.
        generator: of everything random.
    """
    n, agreement = setting.n, setting.agreement
    shape = (repetitions, setting.seeds)
    difficulty = generator.standard_normal((repetitions, n))
    related = 0.8 * difficulty + 0.6 * generator.standard_normal((repetitions, n))
    first = seed_law(setting.share, setting.deviation)(generator, shape)
    second = seed_law(other, min(setting.deviation, other, 1 - other))(generator, shape)
    ours = correlated(generator, first, difficulty, agreement).astype(np.float64)
    theirs = correlated(generator, second, related, agreement).astype(np.float64)
    truth = setting.share - other
    hits = [contrast_interval(components([a, -b]))(0.95).contains(truth) for a, b in zip(ours, theirs, strict=True)]
    return float(np.mean(hits))
