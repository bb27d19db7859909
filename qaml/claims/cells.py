"""Cells inside claims: the metric filled in, senseless combinations refused, ``every`` budget spelt out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from qaml.budgets import shared_budgets
from qaml.claims.base import Cell, Estimator, Term
from qaml.claims.wording import Notation
from qaml.errors import PartError
from qaml.metrics.table import MetricName, metric
from qaml.registry import ModelName
from qaml.types import as_tuple

ModelNames = Annotated[tuple[ModelName, ...], BeforeValidator(as_tuple)]


class WeightedCell(Cell):
    """A cell of a contrast."""

    weight: float = Field(1.0)
    """Factor on the cell's value; negative to subtract."""

    @property
    def term(self) -> Term:
        """The cell by itself, with its weight beside it."""
        return Term(Cell(**self.model_dump(exclude={"weight"})), self.weight)


def filled(cell: Cell, default: MetricName | None) -> Cell:
    """The cell with its metric; whether attack, model and budget fit it is checked with the suite at hand.

    Raises:
        ValueError: there is no metric, or it does not take the cell's attacks or budget.
    """
    name = cell.metric or default
    if name is None:
        raise ValueError("a metric is missing: give it to the claim or to the cell")
    definition = metric(name)
    if len(cell.attack) > 1 and definition.attacks in ("one", "optional"):
        raise ValueError(f"{name} of {cell.model!r} takes one attack; robust_accuracy takes several")
    if cell.epsilon is not None and definition.finds_epsilon:
        raise ValueError(f"{name} of {cell.model!r} takes no epsilon")
    return cell if cell.metric == name else cell.model_copy(update={"metric": name})


def spelt_out(terms: Sequence[Term], estimator: Estimator) -> list[tuple[str, tuple[Term, ...]]]:
    """One contrast for each budget where cells ask for ``every`` one (all at once), with a label's ending for each.

    Raises:
        PartError: the cells' attacks have no budget in common.
    """
    swept = [term.cell for term in terms if is_swept(term.cell)]
    if not swept:
        return [("", tuple(terms))]
    budgets = shared_budgets([estimator.epsilons(cell) for cell in swept])
    if not budgets:
        names = " and ".join(cell.label for cell in swept)
        raise PartError(f"{names} have no budget in common", "give their attacks the same epsilons")
    return [(f" at ε = {e:g}", tuple(Term(at(t.cell, e), t.weight) for t in terms)) for e in budgets]


def is_swept(cell: Cell) -> bool:
    """Whether the cell has one value at every budget."""
    return cell.epsilon == "every" and cell.aggregate is None


def at(cell: Cell, epsilon: float) -> Cell:
    """The cell at one budget, where it covers every budget."""
    return cell.model_copy(update={"epsilon": epsilon}) if is_swept(cell) else cell


def unit_of(cells: Iterable[Cell]) -> Notation:
    """The unit of differences of these cells: points for shares."""
    return "points" if all(cell.definition.unit == "share" for cell in cells) else "plain"


def without_repeats(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells in order, each once."""
    return tuple(dict.fromkeys(cells))
