"""Shots that a decision costs, against exact probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qaml.errors import PartError
from qaml.quantum.noise.shots import largest_spread, shots_needed


def probability_right(shots: int, minus: float, plus: float) -> float:
    """P(the sum of D over the shots > 0), from the distribution of one shot, convolved."""
    one = np.array([minus, 1 - minus - plus, plus])
    total = np.ones(1)
    for _ in range(shots):
        total = np.convolve(total, one)
    return float(total[shots + 1 :].sum())


@pytest.mark.parametrize(("minus", "plus"), [(0.4, 0.6), (0.1, 0.2), (0.45, 0.5), (0.0, 0.3)])
@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_guaranteed_shots_are_enough(minus: float, plus: float, confidence: float) -> None:
    margin = 2 * (plus - minus)
    spread = np.sqrt(4 * (plus + minus) - margin**2)
    shots = shots_needed([margin], [spread], confidence)
    assert probability_right(int(shots.guaranteed[0]), minus, plus) >= confidence
    assert shots.estimated[0] <= shots.guaranteed[0]


@pytest.mark.parametrize(("minus", "plus"), [(0.4, 0.6), (0.3, 0.4), (0.45, 0.5), (0.1, 0.13)])
def test_estimated_shots_are_about_right(minus: float, plus: float) -> None:
    margin = 2 * (plus - minus)
    spread = np.sqrt(4 * (plus + minus) - margin**2)
    estimated = int(shots_needed(margin, spread, 0.99).estimated)
    assert estimated > 100
    # lattice and tie corrections are of the order of 1/√shots
    assert probability_right(estimated, minus, plus) == pytest.approx(0.99, abs=0.005)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_largest_spread_bounds_every_joint_distribution(masses: list[float]) -> None:
    assume(sum(masses) > 1e-3)
    both, first, second, neither = np.array(masses) / sum(masses)  # P of (Z_a, Z_b) = ++, +−, −+, −−
    a, b = both + first - second - neither, both - first + second - neither
    variance = 4 * (first + second) - (a - b) ** 2
    assert largest_spread(a, b) ** 2 >= variance - 1e-12


def test_largest_spread_is_reached() -> None:
    # Z_a = −Z_b always, then Z_b = 1 always
    np.testing.assert_allclose(largest_spread([0.5, 0.2], [-0.5, 1.0]), [np.sqrt(4 - 1), np.sqrt(1 - 0.2**2)])


def test_numbers_for_images_at_once() -> None:
    shots = shots_needed([0.2, 0.002, 0.0, 2.0], [1.0, 1.0, 0.0, 0.0])
    z = 2.3263478740408408
    np.testing.assert_array_equal(shots.estimated, [np.ceil(z**2 / 0.04), np.ceil(z**2 / 4e-6), np.inf, 1])
    np.testing.assert_array_equal(
        shots.guaranteed, [np.ceil(8 * np.log(100) / 0.04), np.ceil(8 * np.log(100) / 4e-6), np.inf, 10]
    )


def test_a_margin_behind_heavy_noise_costs_a_fortune_but_no_warning() -> None:
    shots = shots_needed([1e-12, 1e-200], 1.4)
    assert 1e24 < shots.estimated[0] < 1e26
    assert shots.estimated[1] == np.inf


def test_rounding_of_the_largest_margin_is_no_mistake() -> None:
    assert shots_needed([2.000001], largest_spread([1.0000005], [-1.0000005])).estimated == [1]


@pytest.mark.parametrize(
    ("margin", "spread", "confidence", "message"),
    [
        ([-0.1], [1.0], 0.99, r"expected every margin in \[0, 2\], got -0.1 to -0.1"),
        ([0.1, 2.5], [1.0], 0.99, r"expected every margin in \[0, 2\], got 0.1 to 2.5"),
        ([np.nan], [1.0], 0.99, "expected every margin"),
        ([0.1], [3.0], 0.99, "expected every spread"),
        ([0.1], [1.0], 1.0, "expected a confidence of at least 0.5 and below 1, got 1"),
        ([0.1], [1.0], 0.4, "expected a confidence"),
    ],
)
def test_mistakes_are_named(margin: list[float], spread: list[float], confidence: float, message: str) -> None:
    with pytest.raises(PartError, match=message):
        shots_needed(margin, spread, confidence)
