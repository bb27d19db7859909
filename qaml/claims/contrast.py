"""Weighted sums of cells: a difference of drops, an average over attacks, a range over tables."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from qaml.claims.base import Term
from qaml.claims.cells import WeightedCell, filled
from qaml.claims.expectation import LimitedClaim


class Contrast(LimitedClaim):
    """Σ weight × cell against a limit: supported if the whole interval satisfies it, refuted if none of it does.

    ``terms`` is one contrast. ``each`` lists several, all of which must lie within the limits, so that "from 4.62 to
    72.41 points over both tables" is one claim: the smallest at least, the largest at most.
    """

    kind: Literal["contrast"] = "contrast"
    terms: tuple[WeightedCell, ...] = ()
    """Weighted cells of one contrast."""
    each: tuple[tuple[WeightedCell, ...], ...] = ()
    """Weighted cells of several contrasts."""

    plural: ClassVar[str] = "contrasts"
    is_signed: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check_terms(self) -> Self:
        if bool(self.terms) == bool(self.each) or any(not terms for terms in self.each):
            raise ValueError("expected either terms (one contrast) or each (a list of contrasts), not empty")
        if any(cell.weight == 0 for terms in (self.terms, *self.each) for cell in terms):
            raise ValueError("a weight of zero measures nothing")
        return self

    def contrasts(self) -> tuple[tuple[str, tuple[Term, ...]], ...]:
        """Every contrast with a label such as ``rbm under fgsm − cnn under fgsm``."""
        listed = [[cell.term for cell in cells] for cells in ((self.terms,) if self.terms else self.each)]
        made = [tuple(Term(filled(cell, self.metric), weight) for cell, weight in terms) for terms in listed]
        return tuple((_label(terms), terms) for terms in made)


def _label(terms: tuple[Term, ...]) -> str:
    words = []
    for cell, weight in terms:
        factor = "" if abs(weight) == 1 else f"{abs(weight):g} × "
        words.append(f"{'+' if weight > 0 else '−'} {factor}{cell.label}")
    return " ".join(words).removeprefix("+ ")
