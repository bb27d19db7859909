"""A number is at least, or at most, so large."""

from __future__ import annotations

from typing import ClassVar, Literal

from qaml.claims.base import Cell, Term
from qaml.claims.cells import filled
from qaml.claims.expectation import LimitedClaim
from qaml.claims.wording import Notation


class Bound(LimitedClaim):
    """One cell against a limit: supported if the whole interval satisfies it, refuted if none of it does.

    With ``epsilon: every`` the limit must hold at every budget.
    """

    kind: Literal["bound"] = "bound"
    of: Cell
    """The cell measured."""

    plural: ClassVar[str] = "bounds"

    def contrasts(self) -> tuple[tuple[str, tuple[Term, ...]], ...]:
        """The cell by itself."""
        cell = filled(self.of, self.metric)
        return ((cell.label, (Term(cell, 1.0),)),)

    @property
    def unit(self) -> Notation:
        """Shares in percent."""
        return "percent" if filled(self.of, self.metric).definition.unit == "share" else "plain"
