"""One cell exceeds another by at least, or at most, so much."""

from __future__ import annotations

from typing import ClassVar, Literal

from qaml.claims.base import Cell, Term
from qaml.claims.cells import filled
from qaml.claims.expectation import LimitedClaim


class Difference(LimitedClaim):
    """``of`` − ``over`` against a limit: supported if the whole interval satisfies it, refuted if none of it does.

    Images are paired by index, training runs of different models are independent. With ``epsilon: every`` the limit
    must hold at every budget (an intersection–union test). A weak attack on ``of`` leaves "at least" refutable only, a
    weak attack on ``over`` supportable only.
    """

    kind: Literal["difference"] = "difference"
    of: Cell
    """Cell that is claimed to be larger."""
    over: Cell
    """Cell that is subtracted."""

    plural: ClassVar[str] = "differences"
    is_signed: ClassVar[bool] = True

    def contrasts(self) -> tuple[tuple[str, tuple[Term, ...]], ...]:
        """``of`` with weight 1, ``over`` with weight −1."""
        of, over = filled(self.of, self.metric), filled(self.over, self.metric)
        return ((f"{of.label} − {over.label}", (Term(of, 1.0), Term(over, -1.0))),)
