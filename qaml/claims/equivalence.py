"""Two cells are the same, up to a margin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from qaml.claims.base import (
    NO_TABLES,
    Cell,
    ClaimPart,
    Decision,
    Estimator,
    Measured,
    MetricName,
    ReportedTable,
    Term,
)
from qaml.claims.cells import SHARES, filled, spelt_out, without_repeats
from qaml.claims.rules import decide_all


class Equivalence(ClaimPart):
    """``of`` − ``over`` within ± margin: supported if the interval is inside, refuted if it is wholly outside."""

    kind: Literal["equivalence"] = "equivalence"
    metric: MetricName | None = None
    """Of both cells unless they name one themselves."""
    of: Cell
    """One cell."""
    over: Cell
    """The other cell."""
    margin: float = Field(gt=0)
    """The largest difference that does not matter."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.cells()
        return self

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:  # noqa: ARG002
        """Both cells."""
        return without_repeats([filled(self.of, self.metric), filled(self.over, self.metric)])

    def decide(self, estimator: Estimator) -> Decision:
        """Hold the interval of the difference against ± margin, at every budget asked."""
        of, over = filled(self.of, self.metric), filled(self.over, self.metric)
        terms = (Term(of, 1.0), Term(over, -1.0))
        limits = (-self.margin, self.margin)
        measured = [
            Measured(f"{of.label} − {over.label}{ending}", estimator.contrast(at, against=limits), *limits)
            for ending, at in spelt_out(terms, estimator)
        ]
        return decide_all(measured, "points" if {of.metric, over.metric} <= SHARES else "plain")
