"""A number rises, falls or stays along a swept parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimator, Measured, ReportedTable, Term
from qaml.claims.cells import at, filled, is_swept, unit_of, without_repeats
from qaml.claims.rules import decide_all
from qaml.errors import PartError
from qaml.metrics.table import MetricName


class Trend(ClaimPart):
    """Cells along a sweep, in order: increasing, decreasing or flat.

    Monotone is supported if each step's lower bound is above − margin and the total change, last against first,
    surely reaches ``total``; refuted if a step surely goes the wrong way by more than the margin or the total change
    surely falls short. Flat is supported if all pairs differ by less than the margin, refuted if any pair surely
    differs by more.
    """

    kind: Literal["trend"] = "trend"
    metric: MetricName | None = None
    """Metric of every cell that names none itself."""
    along: tuple[Cell, ...] = Field(min_length=1)
    """The cells in the order of the sweep, or one cell with ``epsilon: every``."""
    direction: Literal["increasing", "decreasing", "flat"]
    """Direction of the cells along the sweep."""
    margin: float = Field(0.02, gt=0)
    """A step the wrong way (or, if flat, a difference) that does not matter."""
    total: float = Field(0.0, ge=0)
    """The smallest total change of a monotone trend."""

    plural: ClassVar[str] = "trends"
    is_signed: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        cells = self.cells()
        swept = [cell for cell in cells if is_swept(cell)]
        if swept and len(cells) > 1:
            raise ValueError("expected several cells, or one cell with 'epsilon: every', not both")
        if not swept and len(cells) < 2:
            raise ValueError("a trend needs at least two different cells, or one with 'epsilon: every'")
        if self.direction == "flat" and self.total:
            raise ValueError("a flat trend has no total change")
        return self

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:  # noqa: ARG002
        """The cells in order."""
        return without_repeats([filled(cell, self.metric) for cell in self.along])

    def decide(self, estimator: Estimator) -> Decision:
        """Hold every step and the total change (or every pair) against what the direction asks."""
        cells = self._spelt_out(estimator)
        measured = self._all_pairs(cells, estimator) if self.direction == "flat" else self._steps(cells, estimator)
        return decide_all(measured, unit_of(cells))

    def _spelt_out(self, estimator: Estimator) -> Sequence[Cell]:
        cells = self.cells()
        if not is_swept(cells[0]):
            return cells
        budgets = estimator.epsilons(cells[0])
        if len(budgets) < 2:
            raise PartError(f"a trend along epsilon needs two budgets, {cells[0].label} has {len(budgets)}")
        return [at(cells[0], epsilon) for epsilon in budgets]

    def _steps(self, cells: Sequence[Cell], estimator: Estimator) -> list[Measured]:
        sign = 1.0 if self.direction == "increasing" else -1.0

        def change(later: Cell, earlier: Cell, at_least: float) -> Measured:
            terms = (Term(later, sign), Term(earlier, -sign))
            label = f"{later.label} − {earlier.label}" if sign > 0 else f"{earlier.label} − {later.label}"
            return Measured(label, estimator.contrast(terms, against=(at_least,)), at_least)

        total = change(cells[-1], cells[0], self.total)
        return [total, *(change(later, earlier, -self.margin) for earlier, later in pairwise(cells))]

    def _all_pairs(self, cells: Sequence[Cell], estimator: Estimator) -> list[Measured]:
        limits = (-self.margin, self.margin)
        return [
            Measured(
                f"{later.label} − {earlier.label}",
                estimator.contrast((Term(later, 1.0), Term(earlier, -1.0)), against=limits),
                *limits,
            )
            for earlier, later in combinations(cells, 2)
        ]
