"""Cells from the largest to the smallest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimate, Estimator, Measured, ReportedTable, Term
from qaml.claims.cells import filled, is_swept, unit_of, without_repeats
from qaml.claims.rules import holm, is_limited, known_range, of_all, survives
from qaml.claims.wording import Notation, decision
from qaml.metrics.table import MetricName


class _Pair(NamedTuple):
    label: str
    estimate: Estimate
    is_adjacent: bool


class Ordering(ClaimPart):
    """The cells fall in the order listed: supported if every adjacent difference clears the tie margin.

    Refuted if any pair, adjacent or not, is reversed beyond chance (difference below zero, Holm-adjusted p < 0.05 over
    all pairs). Anything between, a proven tie included, is inconclusive.
    """

    kind: Literal["ordering"] = "ordering"
    metric: MetricName | None = None
    """Metric of every cell that names none itself."""
    order: tuple[Cell, ...] = Field(min_length=2)
    """The cells, the largest first."""
    tie: float = Field(0.0, ge=0)
    """Margin that an adjacent difference must exceed."""

    plural: ClassVar[str] = "orderings"
    is_signed: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(is_swept(cell) for cell in self.order):
            raise ValueError("an ordering takes one budget a cell, or an aggregate over them")
        if len(self.cells()) < len(self.order):
            raise ValueError("an ordering names the same cell twice")
        return self

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:  # noqa: ARG002
        """The cells in order."""
        return without_repeats([filled(cell, self.metric) for cell in self.order])

    def decide(self, estimator: Estimator) -> Decision:
        """Compare every pair; adjacent ones must clear the tie margin."""
        pairs = self._pairs(estimator)
        unit = unit_of(self.cells())
        adjusted = holm([pair.estimate.p_value for pair in pairs])
        refuting = [p for p, q in zip(pairs, adjusted, strict=True) if q < 0.05 and _is_reversed(p.estimate)]
        adjacent = [pair for pair in pairs if pair.is_adjacent]
        if refuting:
            worst = min(refuting, key=lambda pair: pair.estimate.value)
            return self._decision("refuted", worst, pairs, unit)
        unclear = [pair for pair in adjacent if not self._clears(pair.estimate)]
        if not unclear:
            return self._checked(adjacent, pairs, unit)
        limited = [pair for pair in unclear if is_limited(pair.estimate)]
        if limited:
            return self._decision("invalid", limited[0], pairs, unit)
        return self._decision("inconclusive", min(unclear, key=lambda p: p.estimate.value), pairs, unit)

    def _checked(self, adjacent: Sequence[_Pair], pairs: Sequence[_Pair], unit: Notation) -> Decision:
        """Supported, if every adjacent difference stays so with the battery's adversarials counted."""
        found = [survives(pair.estimate, self.tie, None) for pair in adjacent]
        verdict = of_all(found)
        alike = [pair for pair, one in zip(adjacent, found, strict=True) if one == verdict]
        return self._decision(verdict, min(alike, key=lambda pair: pair.estimate.value), pairs, unit)

    def _pairs(self, estimator: Estimator) -> list[_Pair]:
        cells = self.cells()
        return [
            _Pair(
                f"{cells[i].label} − {cells[j].label}",
                estimator.contrast((Term(cells[i], 1.0), Term(cells[j], -1.0))),
                j == i + 1,
            )
            for i, j in combinations(range(len(cells)), 2)
        ]

    def _clears(self, estimate: Estimate) -> bool:
        return not estimate.is_void and known_range(estimate)[0] > self.tie

    def _decision(
        self,
        verdict: Literal["supported", "refuted", "inconclusive", "invalid"],
        deciding: _Pair,
        pairs: Sequence[_Pair],
        unit: Notation,
    ) -> Decision:
        first = Measured(deciding.label, deciding.estimate, self.tie)
        others = [Measured(p.label, p.estimate, self.tie) for p in pairs if p.is_adjacent and p is not deciding]
        beside = "reversed" if verdict == "refuted" else ""
        return decision(verdict, (first, *others), unit, is_named=True, beside=beside)


def _is_reversed(estimate: Estimate) -> bool:
    return estimate.value < 0 and not estimate.may_be_higher and not estimate.is_void
