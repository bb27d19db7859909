"""Claims made of claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimator, ReportedTable
from qaml.claims.cells import without_repeats
from qaml.claims.rules import of_all, of_any
from qaml.vocab import Verdict


class _Combination(ClaimPart):
    claims: tuple[ClaimPart, ...] = Field(min_length=1)
    """Claims that are combined."""

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:
        """The cells of all the combined claims."""
        return without_repeats([cell for claim in self.claims for cell in claim.cells(tables)])


class AllOf(_Combination):
    """Every claim holds: supported if all are, refuted if any is, else invalid if any is, else inconclusive."""

    kind: Literal["all_of"] = "all_of"

    plural: ClassVar[str] = "all of several"

    def decide(self, estimator: Estimator) -> Decision:
        """Decide every claim and report the first one that decides."""
        decisions = [claim.decide(estimator) for claim in self.claims]
        return _combined(of_all(decision.verdict for decision in decisions), decisions)


class AnyOf(_Combination):
    """At least one claim holds: supported if any is, refuted if all are, else invalid if any is, else inconclusive."""

    kind: Literal["any_of"] = "any_of"

    plural: ClassVar[str] = "any of several"

    def decide(self, estimator: Estimator) -> Decision:
        """Decide every claim and report the first one that decides."""
        decisions = [claim.decide(estimator) for claim in self.claims]
        return _combined(of_any(decision.verdict for decision in decisions), decisions)


def _combined(verdict: Verdict, decisions: list[Decision]) -> Decision:
    deciding = next(decision for decision in decisions if decision.verdict == verdict)
    others = [decision for decision in decisions if decision is not deciding]
    n = sum(decision.verdict == verdict for decision in decisions)
    decided = deciding.preceded_by(f"{n} of {len(decisions)} claims {verdict}") if others else deciding
    measured = (*deciding.measured, *(m for other in others for m in other.measured))
    return decided._replace(verdict=verdict, measured=measured)
