"""Simulated misses of intervals that are moved by what the battery finds on some of the images."""

from __future__ import annotations

import sys
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.judge.statistics.crossed import share_interval
from qaml.judge.statistics.shifted import shifted
from tests.judge.coverage import seed_law
from tests.judge.sources import correlated

Law = Literal["same", "uniform", "beta", "masked"]


class Gaps(NamedTuple):
    """One simulated situation.

    Attributes:
        seeds: training runs.
        n_battery: images of the battery, spread over the runs.
        n: images of the evaluation.
        share: true mean over runs and images, under the claim's attacks.
        deviation: of a run's true share.
        gap: true mean of what the battery takes from it.
        law: of the gap over runs: the ``same``, ``uniform`` from 0 to twice the mean, ``beta`` with a deviation of two
            thirds of the mean, or ``masked``: nothing in three runs of four.
    """

    seeds: int
    n_battery: int
    n: int
    share: float
    deviation: float
    gap: float
    law: Law


class Missed(NamedTuple):
    """How often the truth lay below or above the interval, and its width beside the one that is not moved."""

    below: float
    above: float
    width: float


def missed(setting: Gaps, repetitions: int, generator: np.random.Generator) -> Missed:
    """Simulate whole measurements: runs, their gaps, images, the battery's part of them."""
    truth = setting.share - setting.gap
    of_runs = seed_law(setting.share, setting.deviation)
    n_below = n_above = 0
    widths = np.zeros(2)
    images = np.arange(setting.n_battery)
    owner = images % setting.seeds
    for _ in range(repetitions):
        shares = of_runs(generator, (1, setting.seeds))
        difficulty = generator.standard_normal((1, setting.n))
        right = correlated(generator, shares, difficulty, 0.5)[0].astype(float)
        among_right = np.minimum(_gaps(setting, generator) / shares[0], 1.0)
        fooled = (generator.random(setting.n_battery) < among_right[owner]) & (right[owner, images] > 0)
        counts = np.bincount(owner, fooled, minlength=setting.seeds)
        sizes = np.bincount(owner, minlength=setting.seeds)
        limits = share_interval(right, float(setting.n))(0.95)
        low, high = shifted(limits, float(right.mean()), counts.tolist(), sizes.tolist())
        n_below += truth < low
        n_above += truth > high
        widths += (high - low, limits.high - limits.low)
    return Missed(n_below / repetitions, n_above / repetitions, float(widths[0] / widths[1]))


def _gaps(setting: Gaps, generator: np.random.Generator) -> NDArray[np.float64]:
    mean, size = setting.gap, setting.seeds
    if setting.law == "uniform":
        return generator.uniform(0, 2 * mean, size)
    if setting.law == "beta" and mean > 0:
        total = (1 - mean) / mean * 1.5**2 - 1
        return generator.beta(mean * total, (1 - mean) * total, size)
    if setting.law == "masked":
        return np.where(generator.random(size) < 0.25, 4 * mean, 0.0)
    return np.full(size, mean)


ROWS: tuple[tuple[str, float, Law], ...] = (
    ("0", 0.0, "same"),
    ("2 points in every run", 0.02, "same"),
    ("10 points in every run", 0.1, "same"),
    ("0 to 4 points, uniform", 0.02, "uniform"),
    ("0 to 10, uniform", 0.05, "uniform"),
    ("0 to 20, uniform", 0.1, "uniform"),
    ("5 ± 3.3, beta", 0.05, "beta"),
    ("10 ± 6.7, beta", 0.1, "beta"),
    ("20 in one run of four, else 0", 0.05, "masked"),
)
SIZES = ((100, 250), (500, 500), (500, 1000))


def table(repetitions: int = 2000) -> str:
    """The table of docs/statistics.md: below / above in per cent, mean and (in brackets) largest of 18 settings."""
    lines = []
    for name, gap, law in ROWS:
        cells = []
        for seeds in (3, 4, 5):
            grid = product(SIZES, (0.5, 0.8, 0.95), (0.0, 0.02))
            found = [
                missed(Gaps(seeds, *sizes, share, deviation, gap, law), repetitions, np.random.default_rng([seeds, k]))
                for k, (sizes, share, deviation) in enumerate(grid)
            ]
            sides = ([100 * each.below for each in found], [100 * each.above for each in found])
            cells.append(" / ".join(f"{np.mean(side):.1f} ({max(side):.1f})" for side in sides))
            widths = [each.width for each in found]
            sys.stderr.write(f"{name}, {seeds} runs: {min(widths):.3f} to {max(widths):.3f} times as wide\n")
        lines.append(f"| {name} | {' | '.join(cells)} |")
        sys.stderr.write(lines[-1] + "\n")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
