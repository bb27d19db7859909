"""Comparison of two runs as a page: differences drawn on one scale, with links to the pages of both runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from qaml.errors import StoreError
from qaml.outcome.folder import INDEX, built
from qaml.outcome.merge import outcomes_file
from qaml.outcome.outcome import Outcome, Outcomes
from qaml.report.figures import forest
from qaml.report.pages import html
from qaml.report.pages.compare import KINDS, Kind, Pair, about, compare_counts, pairs
from qaml.report.pages.overview import page_of
from qaml.report.text.numbers import Style, show, style_of
from qaml.report.text.sentences import with_interval
from qaml.vocab import Verdict


class Side(NamedTuple):
    """A claim in one of the two runs; all fields are empty if the run does not have it."""

    number: str
    href: str
    verdict: Verdict | None


class Row(NamedTuple):
    """A claim that differs between the runs."""

    statement: str
    node: str
    sides: tuple[Side, Side]
    plot: Markup


class Group(NamedTuple):
    """Claims that differ in the same way and have the same unit, on one horizontal scale."""

    heading: str
    unit: str
    head: Markup
    rows: tuple[Row, ...]


def write_comparison(first: Outcomes, second: Outcomes, sources: tuple[Path, Path], folder: Path) -> Path:
    """Write the page and its style sheet.

    Args:
        first: the earlier run.
        second: the later one.
        sources: the folders of their reports, which the page links to.
        folder: the folder to write to.

    Returns:
        The path of ``index.html``.

    Raises:
        StoreError: the folder holds a report, or cannot be written.
    """
    if folder.is_dir() and outcomes_file(folder).exists():
        raise StoreError(f"{folder} holds a report, which the comparison would replace", "name another folder")
    found = pairs(first, second)
    text = html.render(
        "compare.html",
        about=about(first, second),
        counts=compare_counts(found),
        groups=_groups(found, [_prefix(source, folder) for source in sources]),
        alike=[pair.second or pair.first for pair in found if pair.kind == "same"],
    )
    with built(folder) as stage:
        html.write_style(stage)
        html.write_page(stage / INDEX, text)
    return folder / INDEX


def _prefix(source: Path, folder: Path) -> str:
    """The address of a report's folder on a page in another folder; empty if there is no report or no such path."""
    if not (source / "index.html").is_file():
        return ""
    try:
        return quote(os.path.relpath(source, folder).replace(os.sep, "/")) + "/"
    except ValueError:  # on another drive
        return ""


def _groups(found: Sequence[Pair], prefixes: Sequence[str]) -> list[Group]:
    groups: dict[tuple[Kind, Style], list[Pair]] = {}
    for pair in found:
        if pair.kind != "same":
            shown = pair.second or pair.first
            assert shown is not None
            groups.setdefault((pair.kind, style_of(shown)), []).append(pair)
    return [_group(kind, style, members, prefixes) for (kind, style), members in groups.items()]


def _group(kind: Kind, style: Style, members: Sequence[Pair], prefixes: Sequence[str]) -> Group:
    measured = [o.measured[0] for pair in members for o in (pair.first, pair.second) if o and o.measured]
    axis = forest.row_axis(measured, style)
    rows = []
    for pair in members:
        first, second = ((o.measured[0] if o and o.measured else None) for o in (pair.first, pair.second))
        shown = pair.second or pair.first
        assert shown is not None
        sides = _side(pair.first, prefixes[0], style), _side(pair.second, prefixes[1], style)
        rows.append(Row(shown.statement, pair.node, sides, forest.pair_row(first, second, axis)))
    unit = "smallest norm" if style.unit == "norm" else style.word
    return Group(KINDS[kind], unit, forest.head(axis, style), tuple(rows))


def _side(outcome: Outcome | None, prefix: str, style: Style) -> Side:
    if outcome is None:
        return Side("", "", None)
    number = with_interval(show(outcome.measured[0], style)._replace(unit="")) if outcome.measured else "not measured"
    return Side(number, prefix + page_of(outcome) if prefix else "", outcome.verdict)
