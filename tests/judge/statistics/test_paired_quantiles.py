"""Contrasts of quantiles on the same images: narrower than independent ones, and as often right."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qaml.judge.numbers import Quantity, contrast, number
from qaml.judge.statistics.combined import weighted_sum
from qaml.judge.statistics.limits import Limits
from qaml.metrics.crossing import norm_quantile
from qaml.metrics.evidence import Attacked, Clean
from tests.campaign.whole import drawn


def crossing(norms: np.ndarray) -> Quantity:
    """The median norm of (seeds, n) smallest adversarial norms."""
    seeds, n = norms.shape
    indices = np.arange(n)
    correct = np.zeros((seeds, 1, n), dtype=np.float32)
    attacked = Attacked(correct, (math.inf,), indices, norms=norms.astype(np.float32))
    return number(norm_quantile(Clean(np.ones((seeds, n), dtype=np.float32), indices), [attacked], 0.5))


def pair(
    generator: np.random.Generator, seeds: int, n: int, agreement: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Log-normal norms of two models whose images are as hard for both; medians 1.0 and 1.2."""
    difficulty = generator.standard_normal(n)

    def norms(median: float) -> np.ndarray:
        noise = generator.standard_normal((seeds, n))
        runs = spread * generator.standard_normal((seeds, 1))
        return np.asarray(
            median * np.exp(0.5 * (math.sqrt(agreement) * difficulty + math.sqrt(1 - agreement) * noise) + runs)
        )

    return norms(1.0), norms(1.2)


@pytest.mark.parametrize(
    ("seeds", "agreement", "spread"), [(1, 0.9, 0.0), (1, 0.0, 0.0), (3, 0.9, 0.02), (5, 0.9, 0.0), (5, 0.9, 0.05)]
)
def test_differences_of_medians_are_covered(seeds: int, agreement: float, spread: float) -> None:
    generator = np.random.default_rng(seeds)
    repetitions, hits = drawn(100, 250), 0  # 100 notice a coverage of 77 % in 98 % of the cases
    widths = np.zeros(2)
    for _ in range(repetitions):
        first, second = (crossing(norms) for norms in pair(generator, seeds, 200, agreement, spread))
        low, high = contrast([second, first], [1.0, -1.0]).interval(0.95)
        apart = weighted_sum([second.value, first.value], [second.interval(0.95), first.interval(0.95)], [1.0, -1.0])
        hits += low <= 0.2 <= high
        widths += (high - low, apart.high - apart.low)
    assert hits / repetitions >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / repetitions)
    if agreement == 0.9 and spread == 0:
        assert widths[0] < 0.8 * widths[1]
    assert widths[0] <= widths[1] * (1 + 1e-9)


def test_equal_models_leave_an_interval() -> None:
    norms, _ = pair(np.random.default_rng(1), 1, 100, 0.9, 0.0)
    one = crossing(norms)
    low, high = contrast([one, one], [1.0, -1.0]).interval(0.95)
    assert low < 0 < high


def test_correlation_narrows_a_difference_and_widens_a_sum() -> None:
    limits = [Limits(0.8, 1.3), Limits(0.9, 1.2)]
    together = np.array([[1.0, 0.5], [0.5, 1.0]])
    low, high = weighted_sum([1.0, 1.0], limits, [1.0, -1.0], together)
    assert low == pytest.approx(-math.sqrt(0.2**2 + 0.2**2 - 0.2 * 0.2))
    assert high == pytest.approx(math.sqrt(0.3**2 + 0.1**2 - 0.3 * 0.1))
    total = weighted_sum([1.0, 1.0], limits, [1.0, 1.0], together)
    assert total.high - 2.0 == pytest.approx(math.sqrt(0.3**2 + 0.2**2 + 0.3 * 0.2))


def test_the_same_runs_move_together() -> None:
    generator = np.random.default_rng(2)
    runs = np.exp(0.3 * generator.standard_normal((5, 1)))
    base = np.exp(0.5 * generator.standard_normal((5, 200)))
    first, second = crossing(runs * base), crossing(1.1 * runs * base)
    shared = contrast([second, first], [1.0, -1.0], ["m", "m"]).interval(0.95)
    apart = contrast([second, first], [1.0, -1.0], ["m", "other"]).interval(0.95)
    assert shared.high - shared.low < apart.high - apart.low
