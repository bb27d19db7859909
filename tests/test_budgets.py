from __future__ import annotations

from math import inf

import pytest

from qaml.budgets import is_same_budget, is_under, is_within, place_on_grid, shared_budgets


def test_budgets_are_equal_up_to_rounding() -> None:
    assert is_same_budget(0.1, 0.1 * (1 + 5e-7))
    assert not is_same_budget(0.1, 0.1 * (1 + 5e-6))
    assert is_same_budget(inf, inf)
    assert not is_same_budget(inf, 0.1)


def test_a_budget_is_within_another_or_under_it_but_rounding() -> None:
    assert is_within(0.3, 0.1 * 3)
    assert is_within(0.1 * 3, 0.3)
    assert not is_under(0.3, 0.1 * 3)
    assert is_under(0.2, 0.3)


@pytest.mark.parametrize("grids", [[(0.1, 0.2, 0.30000000000000004), (0.2, 0.3)], [(0.2, 0.3), (0.1, 0.2, 0.3)]])
def test_shared_budgets_are_on_every_grid(grids: list[tuple[float, ...]]) -> None:
    assert shared_budgets(grids) == pytest.approx((0.2, 0.3))


@pytest.mark.parametrize("grids", [[(inf,), (0.1, 0.2)], [(0.1, 0.2), (inf,)]])
def test_an_unlimited_attack_shares_no_budget_with_a_limited_one(grids: list[tuple[float, ...]]) -> None:
    assert shared_budgets(grids) == ()
    assert place_on_grid(grids[1], grids[0][0]) is None
