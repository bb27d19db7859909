"""The content of ``index.html``, computed before any markup: suites, families (one scale each), rows, tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from qaml.outcome.outcome import Outcome, Outcomes, ReportedCell, ReportedValues, SuiteInfo
from qaml.report.figures import forest, transfer
from qaml.report.figures.accents import Accent
from qaml.report.figures.captions import table_sentence
from qaml.report.figures.data import csv, data
from qaml.report.figures.svg import Axis
from qaml.report.pages.subjects import base_name
from qaml.report.text.headlines import verdict_counts
from qaml.report.text.marks import attacks_of, models_of, words
from qaml.report.text.numbers import (
    MISSING,
    Shown,
    Style,
    claim_kind,
    format_number,
    metric_style,
    show,
    show_estimate,
    style_of,
)
from qaml.report.text.sentences import needed_sentence, suite_sentence
from qaml.report.text.width import file_name

MOST_DETAILED = 2500
"""Largest number of claims whose rows show everything; in a larger overview rows are brief, so that it opens fast."""


class Row(NamedTuple):
    """A claim in the overview."""

    outcome: Outcome
    href: str
    shown: Shown | None
    plot: Markup
    models: str
    attacks: str
    n_more: int


class Family(NamedTuple):
    """Claims of one kind and unit, on one horizontal scale."""

    name: str
    unit: str
    head: Markup
    rows: tuple[Row, ...]


class TableCell(NamedTuple):
    """One cell of a paper's table: the paper's value, ours, and a drawing of both."""

    paper: str
    ours: str
    interval: str
    plot: Markup


class Filters(NamedTuple):
    """The choices of the overview's filters; rows refer to models and attacks by position."""

    suites: tuple[str, ...]
    models: tuple[str, ...]
    attacks: tuple[str, ...]
    profiles: tuple[str, ...]


def page_of(outcome: Outcome) -> str:
    """The path of the claim's page, relative to the report's folder."""
    return f"claims/{file_name(outcome.suite)}/{file_name(outcome.id)}.html"


def filters(outcomes: Outcomes) -> Filters:
    """The suites, models and attacks that claims measure."""
    return Filters(
        tuple(dict.fromkeys(o.suite for o in outcomes.outcomes)),
        tuple(dict.fromkeys(m for o in outcomes.outcomes for m in models_of(o))),
        tuple(dict.fromkeys(a for o in outcomes.outcomes for a in attacks_of(o))),
        tuple(dict.fromkeys(o.profile for o in outcomes.outcomes)),
    )


def suites(outcomes: Outcomes, choices: Filters, looks: dict[str, Accent]) -> list[dict[str, Any]]:
    """The suites with their claims; a suite without a description has its name only."""
    claims: dict[str, list[Outcome]] = {info.name: [] for info in outcomes.suites}
    for outcome in outcomes.outcomes:
        claims.setdefault(outcome.suite, []).append(outcome)
    known = {info.name: info for info in outcomes.suites}
    brief = is_brief(outcomes)
    return [
        _suite(known.get(name) or SuiteInfo(name=name, title="", citation=""), members, choices, looks, is_brief=brief)
        for name, members in claims.items()
    ]


def is_brief(outcomes: Outcomes) -> bool:
    """Whether there are so many claims that their rows are brief."""
    return len(outcomes.outcomes) > MOST_DETAILED


def claims_csv(outcomes: Outcomes) -> str:
    """The claims with their verdicts and deciding numbers as CSV, a line each."""
    header = ("suite", "id", "statement", "kind", "profile", "verdict", "expected", "unit", "value", "low", "high")
    rows = []
    for o in outcomes.outcomes:
        first = o.measured[0] if o.measured else None
        numbers = (first.estimate.value, first.estimate.low, first.estimate.high) if first else (None, None, None)
        limits = (first.at_least, first.at_most, first.paper) if first else (None, None, None)
        named = (o.suite, o.id, o.statement, o.kind, o.profile, o.verdict, o.expected, o.unit)
        rows.append((*named, *numbers, *limits))
    return csv((*header, "at_least", "at_most", "paper"), rows)


def _suite(
    info: SuiteInfo, members: Sequence[Outcome], choices: Filters, looks: dict[str, Accent], *, is_brief: bool
) -> dict[str, Any]:
    """The content of a suite in the overview, by the names that its template uses."""
    groups: dict[tuple[str, Style], list[Outcome]] = {}
    for outcome in members:
        is_signed = style_of(outcome).is_signed
        groups.setdefault((outcome.kind, Style(outcome.unit, is_signed)), []).append(outcome)
    families = tuple(_family(kind, style, group, choices, is_brief=is_brief) for (kind, style), group in groups.items())
    tables = tuple(_table(info.name, table) for table in info.tables)
    matrices = transfer.matrices(members, tuple(looks))  # the pages of attacks show them completely
    return {
        "info": info,
        "anchor": f"suite-{file_name(info.name)}",
        "counts": verdict_counts(members),
        "families": families,
        "tables": tables,
        "transfers": [(matrix.attack, transfer.sentence(matrix)) for matrix in matrices],
        "sentence": info.summary or suite_sentence(members),
        "n_void": sum(any(f.assessed and f.severity == "void" for f in o.findings) for o in members),
        "n_weak": sum(any(f.assessed and f.severity == "weak" for f in o.findings) for o in members),
        "models": list(dict.fromkeys(name for o in members for name in models_of(o))),
        "attacks": list(dict.fromkeys(base_name(name) for o in members for name in attacks_of(o))),
    }


def _family(kind: str, style: Style, members: Sequence[Outcome], choices: Filters, *, is_brief: bool) -> Family:
    axis = forest.row_axis((o.measured[0] for o in members if o.measured), style)
    rows = tuple(_row(outcome, axis, style, choices, is_brief=is_brief) for outcome in members)
    unit = "smallest norm" if style.unit == "norm" else style.word
    return Family(claim_kind(kind).plural or words(kind), unit, forest.head(axis, style), rows)


def _row(outcome: Outcome, axis: Axis, style: Style, choices: Filters, *, is_brief: bool) -> Row:
    shown, plot = None, Markup("")
    if outcome.measured:
        first = outcome.measured[0]
        shown = show(first, style)
        said = needed_sentence(first, style)
        plot = forest.row(first, axis, said, is_hollow=outcome.verdict == "invalid", is_brief=is_brief)
    models = _positions(models_of(outcome), choices.models)
    attacks = _positions(attacks_of(outcome), choices.attacks)
    return Row(outcome, page_of(outcome), shown, plot, models, attacks, max(len(outcome.measured) - 1, 0))


def _positions(names: Iterable[str], among: Sequence[str]) -> str:
    return " ".join(str(among.index(name)) for name in names)


def _table(suite: str, table: ReportedValues) -> dict[str, Any]:
    """A paper's table with our values, by the names that its template uses."""
    style = metric_style(table.metric)
    cells = {(c.attack, c.model): c for c in table.cells}
    values = [v for c in table.cells for v in (c.paper, *((c.ours.value,) if c.ours else ())) if math.isfinite(v)]
    axis = Axis(0.0, 1.0 if style.unit == "points" else max([*values, 1e-9]), 5.0, 85.0)
    places = max((_places(c.paper * style.factor) for c in table.cells), default=0)
    rows = tuple(
        (row, tuple(_table_cell(cells.get((row, column)), axis, style, places) for column in table.columns))
        for row in table.rows
    )
    numbers = [
        (c.attack, c.model, c.paper, *((c.ours.value, c.ours.low, c.ours.high) if c.ours else (None, None, None)))
        for c in table.cells
    ]
    saved = data(f"{suite}-{table.name}", ("attack", "model", "paper", "ours", "low", "high"), numbers)
    return {
        "name": table.name,
        "unit": style.word,
        "protocol": table.protocol,
        "metric": words(table.metric),
        "columns": table.columns,
        "rows": rows,
        "sentence": table_sentence(table),
        "data": saved,
    }


def _places(value: float) -> int:
    """Number of decimal places that a paper printed, at most four."""
    text = f"{value:.4g}"
    return len(text.partition(".")[2]) if "e" not in text else 0


def _table_cell(cell: ReportedCell | None, axis: Axis, style: Style, places: int) -> TableCell | None:
    if cell is None:
        return None
    paper = format_number(cell.paper * style.factor, places)
    shown = show_estimate(cell.ours, style) if cell.ours is not None else None
    ours = shown.value if shown else MISSING
    plot = forest.cell_plot(cell.paper, cell.ours, axis)
    return TableCell(paper, ours, shown.interval if shown else "", plot)
