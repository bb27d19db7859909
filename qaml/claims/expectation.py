"""Claims that compare numbers with a lower limit, an upper limit, or both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

from pydantic import model_validator

from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimator, Measured, ReportedTable, Term
from qaml.claims.cells import spelt_out, unit_of, without_repeats
from qaml.claims.rules import decide_all
from qaml.claims.wording import Notation
from qaml.metrics.table import MetricName


class LimitedClaim(ClaimPart, ABC):
    """The fields and the rule that bound, difference and contrast share."""

    metric: MetricName | None = None
    """Metric of every cell that names none itself."""
    at_least: float | None = None
    """The smallest value that satisfies the claim; shares are written 0 … 1."""
    at_most: float | None = None
    """The largest value that satisfies the claim."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("expected at_least, at_most, or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is larger than at_most")
        self.cells()
        self._check_range()
        return self

    def _check_range(self) -> None:
        """Refuse a limit that no share can reach: it was meant in per cent."""
        most = max((sum(abs(term.weight) for term in terms) for _, terms in self.contrasts()), default=0.0)
        if self.unit == "plain" or most == 0:
            return
        for name, limit in (("at_least", self.at_least), ("at_most", self.at_most)):
            if limit is not None and abs(limit) > most:
                raise ValueError(f"{name} is {limit:g}, but shares are written 0 to 1: did you mean {limit / 100:g}?")

    @abstractmethod
    def contrasts(self) -> tuple[tuple[str, tuple[Term, ...]], ...]:
        """The contrasts to estimate: a label and weighted cells, metric filled in, for each."""

    @property
    def unit(self) -> Notation:
        """The unit of the numbers."""
        return unit_of(self.cells())

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:  # noqa: ARG002
        """Every cell of every contrast."""
        return without_repeats([term.cell for _, terms in self.contrasts() for term in terms])

    def decide(self, estimator: Estimator) -> Decision:
        """Supported if the whole interval satisfies the limits, refuted if none of it does; at every budget asked."""
        limits = [limit for limit in (self.at_least, self.at_most) if limit is not None]
        measured = [
            Measured(
                label + ending,
                estimator.contrast(terms, against=limits),
                self.at_least,
                self.at_most,
            )
            for label, contrast in self.contrasts()
            for ending, terms in spelt_out(contrast, estimator)
        ]
        return decide_all(measured, self.unit)
