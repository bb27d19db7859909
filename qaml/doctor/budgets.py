"""Looks at attacks: budgets that do nothing. Those that reach across the bounds are refused where a spec is read."""

from __future__ import annotations

from collections.abc import Iterator

from qaml.attacks.base import AttackPart
from qaml.doctor.chart import Seen, seen
from qaml.types import InputInfo

WIDE = 100.0
"""Width of bounds from which inputs look like bytes."""
SMALL = {"linf": 1.0, "l2": 5.0}
"""Largest budgets that are usual for inputs in [0, 1]."""


def look_at_budgets(part: AttackPart, info: InputInfo, dataset: str) -> Iterator[Seen]:
    """What is wrong with an attack's budgets on inputs of this description."""
    if part.epsilon is None or part.is_bound:
        return
    bounds, largest = info.bounds, part.grid[-1]
    if bounds.is_finite and bounds.width >= WIDE and largest <= SMALL[part.threat_norm]:
        of = f"on inputs of {dataset!r} in {bounds.in_words()}"
        yield seen("budget_too_small", f"an epsilon of {largest:g} in {part.threat_norm} is next to nothing {of}")
    elif part.reach(largest) < largest * (1 - 1e-6):
        yield seen("budget_not_reached", f"steps × step size reach {part.reach(largest):g}, epsilon is {largest:g}")
