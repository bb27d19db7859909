"""Perturbation budgets are equal, or one within another, up to rounding: one tolerance for every grid."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

TOLERANCE = 1e-6
"""Relative difference of two budgets that count as one."""


def is_within(epsilon: float, limit: float) -> bool:
    """Whether a budget is at most this limit, up to rounding."""
    return epsilon <= limit * (1 + TOLERANCE)


def is_under(epsilon: float, limit: float) -> bool:
    """Whether a budget is smaller than this limit by more than rounding."""
    return epsilon < limit * (1 - TOLERANCE)


def is_same_budget(one: float, other: float) -> bool:
    """Whether two budgets are equal up to rounding."""
    return math.isclose(one, other, rel_tol=TOLERANCE)


def place_on_grid(grid: Iterable[float], epsilon: float) -> int | None:
    """The index of a budget on a grid, or None where the grid lacks it."""
    return next((place for place, budget in enumerate(grid) if is_same_budget(budget, epsilon)), None)


def shared_budgets(grids: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The budgets of the first grid that every other grid has, too."""
    first, *others = grids
    return tuple(e for e in first if all(place_on_grid(grid, e) is not None for grid in others))
