from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.judge.coverage import Setting, difference_coverage, share_coverage

BAR, CEILING = 0.93, 0.985


def assert_covers(setting: Setting, coverage: float, repetitions: int) -> None:
    """The bar less three standard errors of the simulation; without seed variance also the ceiling."""
    error = 3 * np.sqrt(BAR * (1 - BAR) / repetitions)
    assert coverage >= BAR - error, f"{setting}: {coverage:.3f}"
    if setting.deviation == 0:
        assert coverage <= CEILING + 3 * np.sqrt(CEILING * (1 - CEILING) / repetitions), f"{setting}: {coverage:.3f}"


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(("share", "deviation"), [(0.5, 0.0), (0.5, 0.08), (0.95, 0.0), (0.05, 0.04), (0.8, 0.04)])
def test_share_is_covered(seeds: int, share: float, deviation: float) -> None:
    setting = Setting(seeds, 100, share, deviation, 0.7)
    assert_covers(setting, share_coverage(setting, 400, np.random.default_rng(seeds)), 400)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(("share", "other", "deviation"), [(0.8, 0.6, 0.0), (0.5, 0.5, 0.08), (0.95, 0.9, 0.04)])
def test_difference_is_covered(seeds: int, share: float, other: float, deviation: float) -> None:
    setting = Setting(seeds, 100, share, deviation, 0.7)
    assert_covers(setting, difference_coverage(setting, other, 400, np.random.default_rng(seeds)), 400)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("n", [100, 1000])
def test_shares_are_covered_on_the_whole_grid(seeds: int, n: int) -> None:
    for share, deviation, agreement in product((0.05, 0.1, 0.2, 0.5, 0.8, 0.95), (0, 0.02, 0.04, 0.08), (0.5, 0.9)):
        setting = Setting(seeds, n, share, min(deviation, share, round(1 - share, 2)), agreement)
        generator = np.random.default_rng([seeds, n, int(1000 * share), int(100 * deviation), int(10 * agreement)])
        assert_covers(setting, share_coverage(setting, 400, generator), 400)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("n", [100, 1000])
def test_differences_are_covered_on_the_whole_grid(seeds: int, n: int) -> None:
    pairs = ((0.5, 0.5), (0.8, 0.6), (0.95, 0.9), (0.1, 0.05))
    for (share, other), deviation, agreement in product(pairs, (0, 0.02, 0.04, 0.08), (0.5, 0.9)):
        setting = Setting(seeds, n, share, min(deviation, share, round(1 - share, 2)), agreement)
        generator = np.random.default_rng([seeds, n, int(1000 * share), int(100 * deviation), int(10 * agreement)])
        assert_covers(setting, difference_coverage(setting, other, 400, generator), 400)
