from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qaml.judge.statistics.limits import Limits
from qaml.judge.statistics.shifted import Gap, gap_of, moved, shifted
from qaml.judge.statistics.wilson import wilson
from tests.campaign.whole import WHOLE, drawn
from tests.judge.gaps import Gaps, Law, missed

LARGEST_MISS = 0.025
COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=6)


def test_nothing_found_by_one_run_is_wilsons_interval() -> None:
    assert gap_of([0], [500]) == pytest.approx((0.0, *wilson(0.0, 500)), abs=1e-12)


def test_runs_that_agree_on_nothing_count_all_their_images() -> None:
    assert gap_of([0, 0, 0], [167, 167, 166]) == pytest.approx((0.0, *wilson(0.0, 500)), abs=1e-12)


def test_ends_are_those_of_zou_and_donner() -> None:
    low, high = moved(Limits(0.50, 0.64), 0.57, Gap(0.10, 0.07, 0.14))
    assert low == pytest.approx(0.47 - math.sqrt(0.07**2 + 0.04**2), abs=1e-12)
    assert high == pytest.approx(0.47 + math.sqrt(0.07**2 + 0.03**2), abs=1e-12)


def test_a_subtracted_cell_moves_the_interval_up() -> None:
    limits, gap = Limits(0.50, 0.64), Gap(0.10, 0.07, 0.14)
    mirrored = moved(Limits(-0.64, -0.50), -0.57, gap)
    assert moved(limits, 0.57, gap, -1.0) == pytest.approx((-mirrored.high, -mirrored.low), abs=1e-12)


def test_the_spread_of_runs_is_students() -> None:
    # gaps of 10, 20 and 30 %: t(2) = 4.303 times 10 points / √3, and beside it Wilson's
    # interval of 60 among 300
    gap = gap_of([10, 20, 30], [100, 100, 100])
    half = stats.t.ppf(0.975, 2) * 0.1 / math.sqrt(3)
    assert gap.low == pytest.approx(max(0.2 - math.hypot(0.2 - wilson(0.2, 300).low, half), 0), abs=1e-12)
    assert gap.high >= 0.2 + math.hypot(wilson(0.2, 300).high - 0.2, half) - 1e-12


@pytest.mark.parametrize("fooled", [[1, 0], [2, 0], [1, 0, 0], [1, 0, 1]])
def test_an_image_or_two_do_not_tell_runs_apart(fooled: list[int]) -> None:
    sizes = [150] * len(fooled)
    assert gap_of(fooled, sizes) == pytest.approx(
        (sum(fooled) / sum(sizes), *wilson(sum(fooled) / sum(sizes), sum(sizes))), abs=1e-12
    )


def test_runs_that_one_rate_explains_may_differ_as_uniform_ones() -> None:
    # 5 of 300: the largest mean g that explains 5/300, where Wilson's part and runs that
    # differ by g / √3 are added in squares
    gap = gap_of([3, 0, 2], [100, 100, 100])
    above = wilson(5 / 300, 300).high - 5 / 300
    assert (gap.high - 5 / 300) ** 2 == pytest.approx(above**2 + (stats.norm.ppf(0.975) * gap.high / 3) ** 2)
    assert gap.high < 0.07


@pytest.mark.parametrize("fooled", [[5, 0, 0], [0, 6], [9, 1, 1, 0]])
def test_few_images_of_one_run_alone_are_no_common_rate(fooled: list[int]) -> None:
    gap = gap_of(fooled, [100] * len(fooled))
    assert gap.high > gap_of([sum(fooled)], [100 * len(fooled)]).high + 0.04
    assert gap.low == 0


@given(COUNTS)
def test_it_is_never_narrower_than_the_images_alone(counts: list[tuple[int, int]]) -> None:
    fooled, n = [min(pair) for pair in counts], [max(pair) for pair in counts]
    gap = gap_of(fooled, n)
    images = wilson(gap.share, sum(n)) if sum(n) else Limits(0.0, 1.0)
    assert gap.low <= images.low + 1e-12
    assert gap.high >= images.high - 1e-12


def test_one_masked_run_of_four_is_no_small_gap() -> None:
    gap = gap_of([80, 0, 0, 0], [125, 125, 125, 125])
    assert gap.share == pytest.approx(0.16)
    assert gap.high > 0.6
    assert gap.high > wilson(0.16, 500).high + 0.4


@given(COUNTS)
def test_gap_lies_within_its_limits(counts: list[tuple[int, int]]) -> None:
    fooled, n = [min(pair) for pair in counts], [max(pair) for pair in counts]
    gap = gap_of(fooled, n)
    assert 0 <= gap.low <= gap.share + 1e-12
    assert gap.share <= gap.high <= 1
    assert gap.high > 0


@given(COUNTS, st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 0.2))
def test_what_the_battery_takes_never_raises_an_end(
    counts: list[tuple[int, int]], value: float, below: float, above: float
) -> None:
    fooled, n = [min(pair) for pair in counts], [max(pair) for pair in counts]
    low, high = shifted(Limits(value - below, value + above), value, fooled, n)
    assert low <= value - below + 1e-12
    assert high <= value + above + 1e-12


def test_more_images_narrow_it() -> None:
    highs = [gap_of([n // 50] * 2, [n // 2] * 2).high for n in (100, 500, 2500)]
    assert highs == sorted(highs, reverse=True)


def test_without_images_nothing_is_known() -> None:
    assert gap_of([0, 0], [0, 0]) == Gap(0.0, 0.0, 1.0)
    assert gap_of([3, 0], [100, 0]) == gap_of([3], [100])


@pytest.mark.parametrize(("fooled", "n"), [([5], [4]), ([-1], [4]), ([1, 2], [4]), ([1], [0])])
def test_impossible_counts_are_refused(fooled: list[int], n: list[int]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        gap_of(fooled, n)


def assert_rarely_missed(setting: Gaps, repetitions: int, seed: int) -> None:
    """2.5 % a side, and without a gap an interval that is hardly wider; three standard errors of the simulation."""
    found = missed(setting, repetitions, np.random.default_rng(seed))
    bar = LARGEST_MISS + 3 * math.sqrt(LARGEST_MISS * (1 - LARGEST_MISS) / repetitions)
    assert max(found.below, found.above) <= bar, f"{setting}: {found}"
    if setting.gap == 0 and setting.n_battery >= max(setting.n, 500):
        assert found.width <= 1.10, f"{setting}: {found}"


@pytest.mark.parametrize("seeds", [3, 4, 5])
@pytest.mark.parametrize(("gap", "law"), [(0.0, "same"), (0.05, "same"), (0.05, "uniform"), (0.1, "uniform")])
def test_truth_is_rarely_missed(seeds: int, gap: float, law: Law) -> None:
    assert_rarely_missed(Gaps(seeds, 500, 500, 0.8, 0.02, gap, law), 600, seeds)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 4, 5])
@pytest.mark.parametrize(("n_battery", "n"), [(100, 250), (500, 1000)])
def test_truth_is_rarely_missed_over_a_grid(seeds: int, n_battery: int, n: int) -> None:
    """One setting in eleven, each level of each factor in it; ``make campaign`` draws all of them.

    500 repetitions fail if the truth is missed by 23 on a side: intervals that miss it by 7 %, the least that Wilson's
    alone do, fail in a setting with a probability of 99 %, those that miss 2.5 % with one of 0.4 %.
    """
    laws: tuple[Law, ...] = ("same", "uniform")
    grid = list(product((0.5, 0.8, 0.95), (0.0, 0.02), (0.0, 0.02, 0.05, 0.1), laws))
    for share, deviation, gap, law in grid if WHOLE else grid[seeds % 4 :: 11]:
        setting = Gaps(seeds, n_battery, n, share, deviation, gap, law)
        assert_rarely_missed(setting, drawn(500, 1500), seeds + n_battery + n)
