"""The paper's value of a cell or a contrast, from the suite's reported tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from qaml.attacks.elsewhere import as_seen_by
from qaml.budgets import is_same_budget
from qaml.claims.base import Cell, ReportedTable, Term
from qaml.claims.reported import CLEAN_ROW


def paper_value(cell: Cell, tables: Iterable[ReportedTable]) -> float | None:
    """The paper's value for this model, attack and metric, if exactly one of the cell's attacks is a row.

    A paper's accuracy under attack is also shown with our robust accuracy, as the claim was made from this number.
    """
    for table in tables:
        if cell.model not in table.columns or not _same_epsilon(cell, table):
            continue
        rows = {as_seen_by(row, cell.model): row for row in table.rows}
        names = [CLEAN_ROW] if not cell.attack else [rows[name] for name in cell.attack if name in rows]
        if len(names) != 1 or names[0] not in table.rows or not _same_metric(cell, table):
            continue
        value = table.rows[names[0]][table.columns.index(cell.model)]
        if value is not None:
            return value
    return None


def paper_contrast(terms: Sequence[Term], tables: Mapping[str, ReportedTable]) -> float | None:
    """Σ weight × the paper's values, if its tables have all of them; else ``None``."""
    values = [paper_value(cell, tables.values()) for cell, _ in terms]
    known = [value for value in values if value is not None]
    if len(known) < len(terms):
        return None
    return math.fsum(weight * value for (_, weight), value in zip(terms, known, strict=True))


def left_open(assumed: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The settings of attacks that a suite declares as its own choice: attack → names of fields.

    ``attacks.fgsm.epsilon`` names one setting; ``attacks.fgsm`` declares that the paper does not define the attack.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key in assumed:
        section, _, rest = key.partition(".")
        name, _, setting = rest.partition(".")
        if section == "attacks" and name:
            found[name] = (*found.get(name, ()), setting or "the setting")
    return found


def _same_metric(cell: Cell, table: ReportedTable) -> bool:
    are_accuracies = cell.definition.is_accuracy and table.definition.is_accuracy
    return are_accuracies or (bool(cell.attack) and cell.metric == table.metric)


def _same_epsilon(cell: Cell, table: ReportedTable) -> bool:
    if table.epsilon is None or not isinstance(cell.epsilon, float):
        return True
    return is_same_budget(cell.epsilon, table.epsilon)
