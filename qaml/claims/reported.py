"""A paper's table, cell by cell: could its values come from what we measured?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, model_validator

from qaml.budgets import shared_budgets
from qaml.claims.base import NO_TABLES, Cell, ClaimPart, Decision, Estimate, Estimator, Measured, ReportedTable
from qaml.claims.cells import ModelNames, filled
from qaml.claims.rules import is_limited, known_range, of_all
from qaml.claims.some_epsilon import Column, Row, of_rows, some_epsilon
from qaml.claims.wording import Notation, number, scale, threshold, weakness
from qaml.errors import PartError
from qaml.registry import AttackName, TableName
from qaml.types import as_tuple
from qaml.vocab import Verdict

RowNames = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
CLEAN_ROW = "clean"
WIDEST = 0.10
"""How far a prediction of a share may reach and still support: 10 points."""
WIDEST_PLAIN = 0.20
"""The same for numbers that are no shares, as a share of the paper's value."""


class _Entry(NamedTuple):
    cell: Cell
    paper: float
    row: str


class Reported(ClaimPart):
    """The paper's values lie within prediction intervals around ours.

    Such an interval holds our error, the spread of a new training run (seed spread × √(1 + 1/S)), the sampling error of
    the paper's own test images, and the error of reading a figure. Supported if every value lies inside its 95 %
    interval and none of these reaches farther than ``half_width`` from ours: what would fit anything says nothing.
    Refuted if any lies outside at the level of Bonferroni (95 % for all cells together). A value outside that rests on
    one seed of ours is inconclusive: it might be another training run. Where the suite says under ``assumed`` that the
    paper leaves a setting of the row's attack open (``attacks.fgsm.epsilon``), a value outside is not comparable:
    invalid. Never judged at ``quick``.
    """

    kind: Literal["reported"] = "reported"
    table: TableName
    """One of the suite's tables."""
    model: ModelNames | None = None
    """Columns; default all."""
    attack: RowNames | None = None
    """Rows (an attack, or ``clean``); default all."""
    half_width: float | None = Field(None, gt=0)
    """How far a prediction interval may reach from our value and still support: 0.10 (10 points) for shares, for other
    metrics a share of the paper's value (0.2)."""
    epsilon: Literal["any"] | None = None
    """``any``: is there a budget at which all columns of a row come out as the paper has them? For attacks with one
    parameter whose value the paper does not name; accuracy is taken to fall between the budgets of the grid."""
    grid_of: AttackName | None = None
    """With ``epsilon: any``, an attack with more budgets than the row's own; default the row's."""

    plural: ClassVar[str] = "reported values"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.grid_of is not None and self.epsilon != "any":
            raise ValueError("grid_of goes with 'epsilon: any'")
        if self.grid_of is not None and (self.attack is None or len(self.attack) > 1):
            raise ValueError("grid_of stands for one row: name it with 'attack'")
        return self

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
        if self.epsilon == "any":
            rows = dict.fromkeys(entry.row for entry in entries)
            decision = of_rows([self._row(row, entries, table, estimator) for row in rows])
        else:
            decision = self._cell_by_cell(entries, table, estimator)
        if not estimator.judges_tables:
            decided = decision.preceded_by("a paper's values are never judged at this scale")
            return decided._replace(verdict="inconclusive")
        return decision

    def _cell_by_cell(self, entries: Sequence[_Entry], table: ReportedTable, estimator: Estimator) -> Decision:
        strict = 1 - 0.05 / len(entries)
        measured, verdicts = [], []
        for entry in entries:
            estimate = estimator.predict(entry.cell, table)
            widest = self._widest(entry.paper, table)
            verdict = _verdict(estimate, estimator.predict(entry.cell, table, level=strict), entry.paper, widest)
            if verdict == "refuted" and _open(entry.cell, estimator):
                verdict = "invalid"
            verdicts.append(verdict)
            measured.append(Measured(entry.cell.label, estimate, paper=entry.paper))
        verdict = of_all(verdicts)
        order = sorted(range(len(entries)), key=lambda i: (verdicts[i] != verdict, -_distance(measured[i])))
        first = order[0]
        decided = _decision(verdict, [measured[i] for i in order], [v == "supported" for v in verdicts], table)
        remarks = self._why(entries[first], measured[first].estimate, verdict, table, estimator)
        for remark in (*remarks, *_resolution(table, [entry.paper for entry in entries])):
            decided = decided.followed_by(remark)
        return decided

    def _why(
        self, entry: _Entry, estimate: Estimate, verdict: Verdict, table: ReportedTable, estimator: Estimator
    ) -> Iterator[str]:
        """What a person would ask next: why it does not decide, and what else would fit."""
        low, high = known_range(estimate)
        is_inside = low <= entry.paper <= high
        settings = _open(entry.cell, estimator)
        if verdict == "invalid" and settings and not is_inside:
            yield (
                f"not comparable: the paper leaves {' and '.join(settings)} of {entry.row} open, "
                "so a value that does not fit says nothing about the paper"
            )
        widest = self._widest(entry.paper, table)
        if verdict == "inconclusive" and is_inside and reach(estimate) > widest:
            yield _width(entry, widest, table, estimator, estimate.n_seeds)
        if is_inside and not estimate.is_void:
            yield from _others(entry, estimate, table)

    def _row(self, row: str, entries: Sequence[_Entry], table: ReportedTable, estimator: Estimator) -> Row:
        """All columns of a row at every budget that was measured, and clean."""
        own = [entry for entry in entries if entry.row == row]
        level = 1 - 0.05 / len(own)
        budgets = shared_budgets([estimator.epsilons(entry.cell) for entry in own])
        columns = []
        for entry in own:
            clean = estimator.predict(table_cell(table, entry.cell.model, CLEAN_ROW), table, level=level)
            cells = [entry.cell.model_copy(update={"epsilon": epsilon}) for epsilon in budgets]
            at = [estimator.predict(cell, table, level=level) for cell in cells]
            columns.append(Column(entry.cell.model, entry.paper, clean, tuple(at)))
        others = [name for name in estimator.left_open(row) if name not in ("epsilon", "epsilons")]
        return some_epsilon(row, budgets, columns, self._widest(1.0, table), tuple(others))

    def _widest(self, paper: float, table: ReportedTable) -> float:
        if table.definition.unit == "share":
            return WIDEST if self.half_width is None else self.half_width
        return abs(paper) * (WIDEST_PLAIN if self.half_width is None else self.half_width)

    def _entries(self, table: ReportedTable) -> list[_Entry]:
        columns, rows = self.model or table.columns, self.attack or tuple(table.rows)
        for name, known, what in (
            *((c, table.columns, "column") for c in columns),
            *((r, table.rows, "row") for r in rows),
        ):
            if name not in known:
                raise PartError(f"table {self.table!r} has no {what} {name!r}", f"it has {', '.join(known)}")
        if uneven := [row for row in rows if len(table.rows[row]) != len(table.columns)]:
            raise PartError(f"row {uneven[0]!r} of table {self.table!r} has not one value a column", "see the table")
        self._check_any(table, rows)
        entries = []
        for row in rows:
            for column in columns:
                paper = table.rows[row][table.columns.index(column)]
                if paper is not None:
                    cell = table_cell(table, column, row)
                    if self.epsilon == "any":
                        swept = (self.grid_of,) if self.grid_of else cell.attack
                        cell = cell.model_copy(update={"epsilon": "every", "attack": swept})
                    entries.append(_Entry(cell, paper, row))
        if not entries:
            raise PartError(f"table {self.table!r} has no value in the cells that the claim names")
        return entries

    def _check_any(self, table: ReportedTable, rows: Sequence[str]) -> None:
        if self.epsilon != "any":
            return
        if table.definition.unit != "share" or table.definition.finds_epsilon:
            message = f"epsilon 'any' needs accuracies under attack, table {self.table!r} has {table.metric}"
            raise PartError(message, "leave 'epsilon' out")
        if table.epsilon is not None:
            message = f"epsilon 'any', but table {self.table!r} states epsilon {table.epsilon:g}"
            raise PartError(message, "leave one of them out")
        if CLEAN_ROW in rows:
            raise PartError("epsilon 'any' needs attacks, row 'clean' has none", "name the rows with 'attack'")


def table_cell(table: ReportedTable, model: str, row: str) -> Cell:
    """Our cell that is compared with a cell of a paper's table."""
    if row == CLEAN_ROW:
        return filled(Cell(model=model, protocol=table.protocol), "clean_accuracy")
    epsilon = None if table.definition.finds_epsilon else table.epsilon
    return filled(Cell(model=model, attack=(row,), epsilon=epsilon, protocol=table.protocol), table.metric)


def reach(estimate: Estimate) -> float:
    """How far an interval reaches from its value, on the side where it reaches farther."""
    return max(estimate.value - estimate.low, estimate.high - estimate.value)


def _open(cell: Cell, estimator: Estimator) -> tuple[str, ...]:
    """What the paper leaves open of the cell's attack."""
    return tuple(dict.fromkeys(name for attack in cell.attack for name in estimator.left_open(attack)))


def _verdict(estimate: Estimate, strict: Estimate, paper: float, widest: float) -> Verdict:
    if estimate.is_void or estimate.value != estimate.value:
        return "invalid"
    low, high = known_range(strict)
    if not low <= paper <= high:
        return "refuted" if estimate.n_seeds > 1 else "inconclusive"
    if is_limited(estimate):
        return "invalid"
    if not estimate.low <= paper <= estimate.high or reach(estimate) > widest:
        return "inconclusive"
    return _with_battery(estimate, paper)


def _with_battery(estimate: Estimate, paper: float) -> Verdict:
    """What becomes of a support where the battery looked at our attack: the value less its gap must fit, too."""
    if any(estimate.is_unchecked):
        return "inconclusive"
    high = estimate.high if estimate.worst_low is None else estimate.high - estimate.gap
    low = estimate.low if estimate.worst_high is None else estimate.low + estimate.gap
    return "supported" if low <= paper <= high else "invalid"


def _width(entry: _Entry, widest: float, table: ReportedTable, estimator: Estimator, n_seeds: int) -> str:
    """Why an interval is too wide to support anything: too few runs, or a training that varies too much."""
    unit: Notation = "percent" if table.definition.unit == "share" else "plain"
    size = f"{threshold(widest, unit)}{' points' if unit == 'percent' else ''}"
    needed = estimator.runs_needed(entry.cell, table, widest)
    text = f"it reaches more than {size} from ours, and would fit too much"
    if needed is None:
        if n_seeds == 1:
            return f"{text}: too few images, of the paper's or of ours"
        return f"{text}: one run of this training is not reproducible to {size}"
    return f"{text}: too few training runs, about {needed} would do"


def _others(entry: _Entry, estimate: Estimate, table: ReportedTable) -> Iterator[str]:
    """How many of the paper's other values in the row would pass for this one."""
    place = table.columns.index(entry.cell.model)
    others = [value for i, value in enumerate(table.rows[entry.row]) if value is not None and i != place]
    fitting = sum(estimate.low <= value <= estimate.high for value in others)
    if fitting:
        yield f"{fitting} of the row's {len(others)} other values would fit as well"


def _distance(measured: Measured) -> float:
    paper = measured.paper if measured.paper is not None else measured.estimate.value
    return max(measured.estimate.low - paper, paper - measured.estimate.high)


def _decision(verdict: Verdict, measured: Sequence[Measured], inside: Sequence[bool], table: ReportedTable) -> Decision:
    first = measured[0]
    estimate = first.estimate
    unit: Notation = "percent" if table.definition.unit == "share" else "plain"
    mark = " %" if unit == "percent" else ""
    ends = f"{number(estimate.low, unit)} to {number(estimate.high, unit)}"
    paper = f"the paper's {number(first.paper if first.paper is not None else float('nan'), unit)}{mark}"
    remark = weakness(estimate, unit)
    numbers = f"against ours {number(estimate.value, unit)}{mark}, 95 % prediction interval {ends}"
    reason = "; ".join(filter(None, (f"{first.label}: {paper} {numbers}", remark, scale(estimate))))
    beyond = f"{first.label}: {'; '.join(filter(None, (remark, paper)))}"
    decided = Decision(verdict, reason, tuple(measured), beyond)
    return decided if len(inside) == 1 else decided.preceded_by(f"{sum(inside)} of {len(inside)} values inside")


def _resolution(table: ReportedTable, papers: Sequence[float]) -> Iterator[str]:
    """A remark where the paper's own test set is too small to distinguish its cells."""
    if table.n is None or table.definition.unit != "share" or len(papers) < 2:
        return
    close = sum(abs(a - b) < 1.96 * ((a * (1 - a) + b * (1 - b)) / table.n) ** 0.5 for a, b in combinations(papers, 2))
    pairs = len(papers) * (len(papers) - 1) // 2
    if close:
        yield f"the paper's {table.n:,} images cannot separate {close} of {pairs} pairs of its values"
