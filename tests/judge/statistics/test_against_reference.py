"""The judge's statistics against a second implementation, on random inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qaml.claims.rules import holm
from qaml.judge.statistics.crossed import WIDENED, components, share_interval
from qaml.judge.statistics.exact import binomial_excess, paired_excess
from qaml.judge.statistics.limits import t_quantile
from qaml.judge.statistics.paired import tango
from qaml.judge.statistics.runs import on_log_odds
from qaml.judge.statistics.wilson import wilson
from tests.reference import statistics as reference

levels = st.floats(0.5, 0.999)
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
discordant = st.integers(1, 200).flatmap(
    lambda n: st.integers(0, n).flatmap(lambda b: st.tuples(st.just(b), st.integers(0, n - b), st.just(n)))
)


def tables(n: int, n_runs: st.SearchStrategy[int] = st.integers(2, 5)) -> st.SearchStrategy[list[list[float]]]:  # noqa: B008
    """Zero-one evidence, or shares of draws, of several runs on n images."""
    value = st.sampled_from((0.0, 1.0)) | st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0))
    row = st.lists(value, min_size=n, max_size=n)
    return n_runs.flatmap(lambda runs: st.lists(row, min_size=runs, max_size=runs))


@given(counts, levels)
@example((0, 100), 0.95)
@example((100, 100), 0.95)
def test_wilson(count: tuple[int, int], level: float) -> None:
    k, n = count
    assert wilson(k / n, n, level) == pytest.approx(reference.wilson(k, n, level), abs=1e-9)


@settings(deadline=None)
@given(discordant, levels)
@example((0, 0, 100), 0.95)
@example((3, 0, 50), 0.95)
@example((50, 0, 50), 0.95)
@example((0, 50, 50), 0.95)
def test_tango(cells: tuple[int, int, int], level: float) -> None:
    assert tango(*cells, level) == pytest.approx(reference.tango(*cells, level), abs=2e-6)


@given(st.integers(2, 30).flatmap(tables))
def test_mean_squares(model: list[list[float]]) -> None:
    of_runs, of_images = reference.variances_of_mean(model)
    found = components([np.array(model)])
    assert found.seed_variance == pytest.approx(of_runs, abs=1e-12)
    assert found.image_variance == pytest.approx(of_images, abs=1e-12)
    assert found.degrees == pytest.approx(len(model) - 1) or found.seed_variance == 0


@given(st.integers(2, 12).flatmap(lambda n: st.lists(tables(n), min_size=2, max_size=3)))
def test_variances_of_a_contrast(models: Sequence[list[list[float]]]) -> None:
    signed = [np.array(model) * (-1) ** place for place, model in enumerate(models)]
    of_runs, degrees, of_images = reference.variances_of_contrast([arm.tolist() for arm in signed])
    found = components(signed)
    assert found.seed_variance == pytest.approx(of_runs, abs=1e-12)
    assert found.image_variance == pytest.approx(of_images, abs=1e-12)
    if of_runs > 1e-9:
        assert found.degrees == pytest.approx(degrees, rel=1e-6)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_sign_test(more: int, less: int, ties: int) -> None:
    first = np.array([0.0] * more + [1.0] * less + [1.0] * ties)
    second = np.array([1.0] * more + [0.0] * less + [1.0] * ties)
    excess = paired_excess(first, second)
    assert (excess.n_more, excess.n_less) == (more, less)
    assert excess.p_value == pytest.approx(float(reference.sign_test(more, less)), rel=1e-9)


@given(st.integers(0, 64), st.integers(0, 64), st.sampled_from((1, 3, 5)))
def test_binomial(count: int, others: int, tenths: int) -> None:
    expected = reference.binomial_tail(count, count + others, Fraction(tenths, 10))
    assert binomial_excess(count, count + others, tenths / 10) == pytest.approx(float(expected), rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_holm(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(reference.holm(p_values))


@pytest.mark.parametrize("degrees", [1, 2, 4, 9])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_students_quantile(degrees: int, level: float) -> None:
    assert t_quantile(level, degrees) == pytest.approx(reference.t_of(level, degrees), rel=1e-6)


@settings(deadline=None, max_examples=15)
@given(st.sampled_from((2, 3, 5, 10)).flatmap(lambda s: st.lists(st.integers(0, 100), min_size=s, max_size=s)))
def test_reach_of_runs(right: list[int]) -> None:
    averages = [k / 100 for k in right]
    found = on_log_odds(np.array(averages), 100).reach(WIDENED * t_quantile(0.95, len(right) - 1))
    assert found == pytest.approx(reference.share_of_runs(averages, 100, WIDENED), abs=1e-6)


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 4), st.integers(20, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_runs_that_agree_on_every_image_are_one_wilson_interval_and_their_spread(
    n_runs: int, count: tuple[int, int]
) -> None:
    n, k = count
    model = np.tile((np.arange(n) < k).astype(float), (n_runs, 1))
    low, high = share_interval(model, float(n))(0.95)
    image = reference.wilson(k, n)
    below, above = reference.share_of_runs([k / n] * n_runs, n, WIDENED)
    assert k / n - low == pytest.approx(min(math.hypot(k / n - image[0], below), k / n), abs=1e-6)
    assert high - k / n == pytest.approx(min(math.hypot(image[1] - k / n, above), 1 - k / n), abs=1e-6)
