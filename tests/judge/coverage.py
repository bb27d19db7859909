"""Simulated coverage of intervals: training runs whose true shares vary, images that are as hard for each of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.polynomial import hermite_e
from numpy.typing import NDArray
from scipy import optimize, special

from qaml.judge.statistics.crossed import components, contrast_interval, share_interval
from qaml.judge.statistics.runs import Arm, net_skew
from tests.judge.sources import correlated

Shape = Literal["logit-normal", "beta", "t3", "exponential up", "exponential down", "collapsed"]
Law = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]
_NODES, _WEIGHTS = hermite_e.hermegauss(60)
_BATCH = 200
COLLAPSED = 0.1
"""The share of a collapsed run."""


class Setting(NamedTuple):
    """One simulated situation.

    Attributes:
        seeds: training runs.
        n: images.
        share: true mean over runs and images.
        deviation: of a run's true share.
        agreement: how much of an image's difficulty the runs have in common (latent correlation).
        shape: of the law of the runs' true shares. With a mean of 5 % and a deviation of 8 points both are extremely
            skewed: half of the runs of the beta law lie below 1.5 %, of the logit-normal one below 2.1 %. Log-odds may
            also have Student's law with three degrees of freedom, or an exponential tail on either side; ``collapsed``
            runs are one in four, at 10 % where the others agree.
    """

    seeds: int
    n: int
    share: float
    deviation: float
    agreement: float
    shape: Shape = "logit-normal"


def seed_law(share: float, deviation: float, shape: Shape = "logit-normal") -> Law:
    """True shares of training runs, in [0, 1], with this mean and standard deviation."""
    if deviation == 0:
        return lambda _, size: np.full(size, share)
    if shape == "beta":
        size_of_beta = share * (1 - share) / deviation**2 - 1
        return lambda generator, size: generator.beta(share * size_of_beta, (1 - share) * size_of_beta, size)
    if shape == "collapsed":
        others = (share - COLLAPSED / 4) * 4 / 3
        return lambda generator, size: np.where(generator.random(size) < 0.25, COLLAPSED, others)
    if shape != "logit-normal":
        return _by_quantiles(share, deviation, shape)
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


def _by_quantiles(share: float, deviation: float, shape: Shape) -> Law:
    """Log-odds of another law than the normal one, given by its quantiles; its place and scale fit the moments."""
    ranks = (np.arange(20_000) + 0.5) / 20_000

    def quantiles(rank: NDArray[np.float64]) -> NDArray[np.float64]:
        if shape == "t3":
            return np.asarray(special.stdtrit(3, rank), dtype=np.float64)
        return -1 - np.log1p(-rank) if shape == "exponential up" else 1 + np.log(rank)

    grid = quantiles(ranks)

    def centre(spread: float) -> float:
        return float(optimize.brentq(lambda c: special.expit(c + spread * grid).mean() - share, -60, 60))

    def excess(spread: float) -> float:
        return float(special.expit(centre(spread) + spread * grid).std() - deviation)

    spread = float(optimize.brentq(excess, 1e-6, 8))
    middle = centre(spread)
    return lambda generator, size: special.expit(middle + spread * quantiles(generator.random(size)))


def share_coverage(setting: Setting, repetitions: int, generator: np.random.Generator) -> float:
    """How often the 95 % interval of a share holds the truth."""
    law = seed_law(setting.share, setting.deviation, setting.shape)
    hits = 0
    for start in range(0, repetitions, _BATCH):
        size = min(_BATCH, repetitions - start)
        difficulty = generator.standard_normal((size, setting.n))
        runs = correlated(generator, law(generator, (size, setting.seeds)), difficulty, setting.agreement)
        hits += sum(share_interval(run, float(setting.n))(0.95).contains(setting.share) for run in runs.astype(float))
    return hits / repetitions


def difference_coverage(setting: Setting, other: float, repetitions: int, generator: np.random.Generator) -> float:
    """How often the 95 % interval of a difference of two models on the same images holds the truth.

    Args:
        setting: the first model; the second has the same but for ``other``, its true share.
        other: the second model's true share.
        repetitions: simulated measurements.
        generator: of everything random.
    """
    n, agreement = setting.n, setting.agreement
    first = seed_law(setting.share, setting.deviation, setting.shape)
    second = seed_law(other, setting.deviation, setting.shape)
    hits = 0
    for start in range(0, repetitions, _BATCH):
        size = min(_BATCH, repetitions - start)
        difficulty = generator.standard_normal((size, n))
        related = 0.8 * difficulty + 0.6 * generator.standard_normal((size, n))
        ours = correlated(generator, first(generator, (size, setting.seeds)), difficulty, agreement)
        theirs = correlated(generator, second(generator, (size, setting.seeds)), related, agreement)
        hits += sum(
            _holds(a, b, setting.share - other) for a, b in zip(ours.astype(float), theirs.astype(float), strict=True)
        )
    return hits / repetitions


def _holds(first: NDArray[np.float64], second: NDArray[np.float64], truth: float) -> bool:
    n = float(first.shape[1])
    skew = net_skew([Arm(first.mean(axis=1), n, 1.0), Arm(second.mean(axis=1), n, -1.0)])
    return contrast_interval(components([first, -second]), skew=skew)(0.95).contains(truth)


def long_tails(repetitions: int = 10_000, *, images: int = 500, agreement: float = 0.7) -> str:
    """The table of docs/statistics.md on laws of runs: coverage in per cent, 50 / 90 / 95 % for 3, 5 and 10 runs."""
    rows: list[tuple[str, Shape, float]] = [
        ("normal, shares ± 4 points", "logit-normal", 0.04),
        ("normal, ± 8", "logit-normal", 0.08),
        ("beta (of the share), ± 8", "beta", 0.08),
        ("Student's t(3), ± 8", "t3", 0.08),
        ("exponential upwards, ± 4", "exponential up", 0.04),
        ("exponential upwards, ± 8", "exponential up", 0.08),
        ("exponential downwards, ± 4", "exponential down", 0.04),
        ("exponential downwards, ± 8", "exponential down", 0.08),
    ]

    def cell(shape: Shape, deviation: float, seeds: int, share: float) -> str:
        setting = Setting(seeds, images, share, deviation, agreement, shape)
        percent = 100 * share_coverage(setting, repetitions, np.random.default_rng([seeds, int(100 * share)]))
        return f"{percent:.1f}" if percent >= 90 else f"**{percent:.1f}**"

    lines = []
    for name, shape, deviation in rows:
        cells = (" / ".join(cell(shape, deviation, s, p) for p in (0.5, 0.9, 0.95)) for s in (3, 5, 10))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    # the mean of one collapsed run in four at 10 % and the others at 63.3 %
    three, four, five, ten = (cell("collapsed", 0.231, seeds, 0.5) for seeds in (3, 4, 5, 10))
    lines.append(f"| one run in four collapsed to 10 %, mean 50 | {three} (4 seeds: {four}) | {five} | {ten} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(long_tails() + "\n")
