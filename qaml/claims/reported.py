"""A paper's table, cell by cell: could its values come from what we measured?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator

from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimate, Estimator, Measured, ReportedTable
from qaml.claims.cells import SHARES, ModelNames, as_tuple, filled
from qaml.claims.rules import is_limited, known_range, of_all
from qaml.claims.wording import number, scale, weakness
from qaml.errors import PartError
from qaml.registry import TableName
from qaml.vocab import Verdict

RowNames = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
CLEAN_ROW = "clean"


class _Entry(NamedTuple):
    cell: Cell
    paper: float


class Reported(ClaimPart):
    """The paper's values lie within prediction intervals around ours.

    Such an interval holds our error, the spread of a new training run (seed spread × √(1 + 1/S)), the sampling error of
    the paper's own test images, and the error of reading a figure. Supported if every value lies inside its 95 %
    interval; refuted if any lies outside at the level of Bonferroni (95 % for all cells together). A value outside
    that rests on one seed of ours is inconclusive: it might be another training run. Never judged at ``quick``.
    """

    kind: Literal["reported"] = "reported"
    table: TableName
    """One of the suite's tables."""
    model: ModelNames | None = None
    """Columns; default all."""
    attack: RowNames | None = None
    """Rows (an attack, or ``clean``); default all."""

    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:
        """The table's cells that have a value; without the tables there is nothing to list.

        Raises:
            PartError: the table lacks a row or a column that the claim names.
        """
        return tuple(entry.cell for entry in self._entries(tables[self.table])) if self.table in tables else ()

    def decide(self, estimator: Estimator) -> Decision:
        """Hold every value of the table against its prediction interval."""
        table = estimator.reported(self.table)
        entries = self._entries(table)
        strict = 1 - 0.05 / len(entries)
        measured, verdicts = [], []
        for cell, paper in entries:
            estimate = estimator.predict(cell, table)
            verdicts.append(_verdict(estimate, estimator.predict(cell, table, level=strict), paper))
            measured.append(Measured(cell.label, estimate, paper=paper))
        verdict = of_all(verdicts)
        order = sorted(range(len(entries)), key=lambda i: (verdicts[i] != verdict, -_distance(measured[i])))
        ordered = tuple(measured[i] for i in order)
        reason = _sentence(ordered[0], [v == "supported" for v in verdicts], table)
        reason += _resolution(table, [paper for _, paper in entries])
        if not estimator.judges_tables:
            return Decision("inconclusive", f"a paper's values are never judged at this scale; {reason}", ordered)
        return Decision(verdict, reason, ordered)

    def _entries(self, table: ReportedTable) -> list[_Entry]:
        columns, rows = self.model or table.columns, self.attack or tuple(table.rows)
        for name, known, what in (
            *((c, table.columns, "column") for c in columns),
            *((r, table.rows, "row") for r in rows),
        ):
            if name not in known:
                raise PartError(f"table {self.table!r} has no {what} {name!r}", f"it has {', '.join(known)}")
        entries = []
        for row in rows:
            for column in columns:
                paper = table.rows[row][table.columns.index(column)]
                if paper is not None:
                    entries.append(_Entry(table_cell(table, column, row), paper))
        if not entries:
            raise PartError(f"table {self.table!r} has no value in the cells that the claim names")
        return entries


def table_cell(table: ReportedTable, model: str, row: str) -> Cell:
    """The cell of ours that stands beside a cell of a paper's table."""
    if row == CLEAN_ROW:
        return filled(Cell(model=model, protocol=table.protocol), "clean_accuracy")
    epsilon = None if table.metric in ("norm_quantile", "epsilon_at") else table.epsilon
    return filled(Cell(model=model, attack=(row,), epsilon=epsilon, protocol=table.protocol), table.metric)


def _verdict(estimate: Estimate, strict: Estimate, paper: float) -> Verdict:
    if estimate.is_void or estimate.value != estimate.value:
        return "invalid"
    low, high = known_range(strict)
    if not low <= paper <= high:
        return "refuted" if estimate.n_seeds > 1 else "inconclusive"
    if is_limited(estimate):
        return "invalid"
    return "supported" if estimate.low <= paper <= estimate.high else "inconclusive"


def _distance(measured: Measured) -> float:
    paper = measured.paper if measured.paper is not None else measured.estimate.value
    return max(measured.estimate.low - paper, paper - measured.estimate.high)


def _sentence(measured: Measured, inside: Sequence[bool], table: ReportedTable) -> str:
    estimate = measured.estimate
    unit: Literal["percent", "plain"] = "percent" if table.metric in SHARES else "plain"
    mark = " %" if unit == "percent" else ""
    ends = f"{number(estimate.low, unit)} to {number(estimate.high, unit)}"
    paper = number(measured.paper if measured.paper is not None else float("nan"), unit)
    remark = weakness(estimate, unit)
    text = (
        f"{measured.label}: the paper's {paper}{mark} against ours {number(estimate.value, unit)}{mark}, "
        f"95 % prediction interval {ends}{'; ' + remark if remark else ''}; {scale(estimate)}"
    )
    return text if len(inside) == 1 else f"{sum(inside)} of {len(inside)} values inside; {text}"


def _resolution(table: ReportedTable, papers: Sequence[float]) -> str:
    """Say so where the paper's own test set is too small to tell its cells apart."""
    if table.n is None or table.metric not in SHARES or len(papers) < 2:
        return ""
    close = sum(abs(a - b) < 1.96 * ((a * (1 - a) + b * (1 - b)) / table.n) ** 0.5 for a, b in combinations(papers, 2))
    pairs = len(papers) * (len(papers) - 1) // 2
    return f"; the paper's {table.n:,} images cannot separate {close} of {pairs} pairs of its values" if close else ""
