"""The claim that two cells are the same, up to a margin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimate, Estimator, Measured, ReportedTable, Term
from qaml.claims.cells import filled, spelt_out, unit_of, without_repeats
from qaml.claims.rules import decide_all, is_limited, verdict_of
from qaml.metrics.table import MetricName
from qaml.vocab import Verdict

TWO_SIDED = 0.90
"""Confidence level of the interval that must be inside: two one-sided tests at 5 % each (Schuirmann 1987)."""


class _Judged(NamedTuple):
    estimate: Estimate
    verdict: Verdict


class Equivalence(ClaimPart):
    """``of`` − ``over`` within ± margin.

    Supported if the 90 % interval is inside, which are two one-sided tests at 5 % each (TOST); refuted if the 95 %
    interval is wholly outside. ``margin: 0`` asks for identity: supported if every image of every training run is right
    or wrong alike, refuted if the interval excludes zero.
    """

    kind: Literal["equivalence"] = "equivalence"
    metric: MetricName | None = None
    """Metric of both cells, unless they name one themselves."""
    of: Cell
    """One cell."""
    over: Cell
    """The other cell."""
    margin: float = Field(ge=0)
    """The largest difference that does not matter; 0 asks that no image of any run differs."""

    plural: ClassVar[str] = "equivalences"
    is_signed: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        cells = self.cells()
        plain = sorted(cell.metric or "" for cell in cells if cell.definition.unit != "share")
        if self.margin == 0 and plain:
            raise ValueError(f"margin 0 compares single images, and {plain[0]} is no average over images")
        return self

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:  # noqa: ARG002
        """Both cells."""
        return without_repeats([filled(self.of, self.metric), filled(self.over, self.metric)])

    def decide(self, estimator: Estimator) -> Decision:
        """Hold the interval of the difference against ± margin, at every budget asked."""
        of, over = filled(self.of, self.metric), filled(self.over, self.metric)
        terms = (Term(of, 1.0), Term(over, -1.0))
        labelled = [(ending, self._judged(at, estimator)) for ending, at in spelt_out(terms, estimator)]
        measured = [
            Measured(f"{of.label} − {over.label}{ending}", one.estimate, -self.margin, self.margin)
            for ending, one in labelled
        ]
        decision = decide_all(measured, unit_of((of, over)), [one.verdict for _, one in labelled])
        remark = self._about_images(decision)
        return decision.followed_by(remark) if remark else decision

    def _judged(self, terms: tuple[Term, ...], estimator: Estimator) -> _Judged:
        """One difference, with the interval that decides."""
        limits = (-self.margin, self.margin)
        wide = estimator.contrast(terms, against=limits)
        verdict = verdict_of(wide, *limits)
        if self.margin == 0:
            if verdict == "inconclusive" and wide.n_differing == 0 and not any(wide.is_unchecked):
                return _Judged(wide._replace(p_value=math.nan), "supported")
            return _Judged(wide, verdict)
        narrow = estimator.contrast(terms, against=limits, level=TWO_SIDED)
        decided = verdict_of(narrow, *limits)
        if verdict == "refuted" or decided == "refuted":
            return _Judged(wide, verdict)
        return _Judged(narrow if decided == "supported" else wide, decided)

    def _about_images(self, decision: Decision) -> str:
        """Say so where no image differs: identity can be asked for."""
        estimate = decision.measured[0].estimate
        if estimate.n_differing != 0 or is_limited(estimate) or decision.verdict == "refuted":
            return ""
        if self.margin == 0 and decision.verdict == "supported":
            return "no image of any run is answered differently"
        if self.margin == 0 or decision.verdict == "supported":
            return ""
        return "no image of any run is answered differently, which margin: 0 asks for"
