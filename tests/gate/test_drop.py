"""The drop of one cell: exact where weights stay, over training runs where they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qaml.claims.rules import holm
from qaml.gate.drop import of_fixed, of_retrained


def sides(n: int, lost: int, gained: int) -> tuple[np.ndarray, np.ndarray]:
    before, after = np.ones((1, n), np.float32), np.ones((1, n), np.float32)
    after[0, :lost] = 0
    before[0, lost : lost + gained] = 0
    return before, after


@settings(max_examples=50, deadline=None)
@given(lost=st.integers(0, 40), gained=st.integers(0, 40))
def test_without_tolerance_it_is_mcnemars_exact_test(lost: int, gained: int) -> None:
    found = of_fixed(*sides(100, lost, gained))
    differing = lost + gained
    wanted = stats.binomtest(lost, differing, alternative="greater").pvalue if differing else 1.0
    assert found.p_worse == pytest.approx(wanted)
    assert found.value == pytest.approx((lost - gained) / 100)
    assert of_fixed(*reversed(sides(100, lost, gained))).p_better == pytest.approx(wanted)


def test_identical_predictions_are_no_drop() -> None:
    found = of_fixed(*sides(1000, 0, 0))
    assert (found.value, found.p_worse, found.p_better) == (0.0, 1.0, 1.0)
    assert found.low < 0 < found.high


@settings(max_examples=30, deadline=None)
@given(lost=st.integers(0, 60), tolerance=st.sampled_from([0.01, 0.03, 0.1]))
def test_a_tolerance_only_makes_it_harder(lost: int, tolerance: float) -> None:
    assert of_fixed(*sides(500, lost, 5), tolerance).p_worse >= of_fixed(*sides(500, lost, 5)).p_worse
    rng = np.random.default_rng(lost)
    before, after = (rng.random((2, 3, 100)) < 0.8).astype(np.float32)
    assert of_retrained(before, after, tolerance).p_worse >= of_retrained(before, after).p_worse - 1e-9


def test_with_a_tolerance_the_exact_test_keeps_its_level() -> None:
    """At a net loss of exactly the tolerance, whatever the share of images that differ."""
    rng, n, tolerance = np.random.default_rng(0), 400, 0.03
    for differing in (0.04, 0.2):
        alarms = 0
        for _ in range(400):
            kinds = rng.choice(3, n, p=[1 - differing, (differing + tolerance) / 2, (differing - tolerance) / 2])
            found = of_fixed(*sides(n, int((kinds == 1).sum()), int((kinds == 2).sum())), tolerance)
            alarms += found.p_worse <= 0.05
        assert alarms / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_shares_of_draws_are_tested_image_by_image() -> None:
    rng = np.random.default_rng(1)
    before = rng.integers(0, 17, (1, 200)) / 16
    worse = np.maximum(before - (rng.random((1, 200)) < 0.3) / 16, 0)
    found = of_fixed(before, worse)
    assert found.p_worse < 1e-6
    assert found.low < found.value < found.high
    assert of_fixed(before, worse, 0.02).p_worse > 0.5  # sure, but small


def test_a_single_training_run_on_a_side_cannot_be_tested() -> None:
    with pytest.raises(ValueError, match="two training runs"):
        of_retrained(np.ones((1, 5)), np.ones((3, 5)))


def test_what_is_detectable_is_what_simulation_detects() -> None:
    rng, n, level = np.random.default_rng(2), 1000, 0.01
    drop = of_fixed(*sides(n, 0, 0)).detectable(level)
    noticed = 0
    for _ in range(400):
        kinds = rng.choice(3, n, p=[0.92, (0.08 + drop) / 2, (0.08 - drop) / 2])
        noticed += of_fixed(*sides(n, int((kinds == 1).sum()), int((kinds == 2).sum()))).p_worse <= level
    assert 0.915 <= noticed / 400 <= 0.985


def test_too_few_images_detect_nothing() -> None:
    assert of_fixed(*sides(5, 0, 0)).detectable(1e-4) == 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_the_smallest_first(p_values: list[float]) -> None:
    rejected = [adjusted <= 0.05 for adjusted in holm(p_values)]
    assert all(not r or p <= 0.05 for r, p in zip(rejected, p_values, strict=True))
    if p_values and min(p_values) <= 0.05 / len(p_values):
        assert rejected[p_values.index(min(p_values))]
    accepted = [p for r, p in zip(rejected, p_values, strict=True) if not r]
    assert all(p <= min(accepted, default=1.0) for r, p in zip(rejected, p_values, strict=True) if r)
