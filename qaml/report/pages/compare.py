"""Comparison of two runs: the claims whose verdicts differ, and the changes of their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tabulate import tabulate

from qaml.outcome.history import are_apart
from qaml.outcome.outcome import Outcome, Outcomes
from qaml.outcome.record import Interval
from qaml.report.text.markdown import escape
from qaml.report.text.marks import MARKS
from qaml.report.text.numbers import format_date, show, style_of
from qaml.report.text.sentences import with_interval
from qaml.text import one_line

Kind = Literal["verdict", "number", "same", "added", "gone"]
KINDS: dict[Kind, str] = {
    "verdict": "another verdict",
    "number": "intervals apart",
    "gone": "only in the first",
    "added": "only in the second",
    "same": "alike",
}
"""Kinds of differences in the order in which they are shown → their headings."""
_HEADERS = ["claim", "first", "second", "verdict", "difference"]


class Pair(NamedTuple):
    """A claim in two runs; it may be missing in one of them."""

    node: str
    first: Outcome | None
    second: Outcome | None
    kind: Kind


def pairs(first: Outcomes, second: Outcomes) -> list[Pair]:
    """The claims of both runs, those that differ first.

    Numbers differ if neither 95 % interval holds the other's value; the gate tests the same cells image by image.
    """
    ours, theirs = ({o.node: o for o in outcomes.outcomes} for outcomes in (first, second))
    found = [Pair(node, a := ours.get(node), b := theirs.get(node), _kind(a, b)) for node in {**ours, **theirs}]
    order = list(KINDS)
    return sorted(found, key=lambda pair: order.index(pair.kind))


def compare_table(first: Outcomes, second: Outcomes) -> str:
    """Counts, and a line for each claim that differs."""
    found = pairs(first, second)
    rows = [_cells(pair) for pair in found if pair.kind != "same"]
    lines = [about(first, second), compare_counts(found)]
    if rows:
        align = ("left", "right", "right", "left", "left")
        lines += ["", tabulate(rows, headers=_HEADERS, tablefmt="simple", colalign=align, disable_numparse=True)]
    return "\n".join(lines)


def compare_markdown(first: Outcomes, second: Outcomes) -> str:
    """The same table as GitHub Markdown."""
    found = pairs(first, second)
    rows = [_cells(pair) for pair in found if pair.kind != "same"]
    parts = [f"## qaml compare: {escape(compare_counts(found))}", escape(about(first, second))]
    if rows:
        lines = [f"| {' | '.join(escape(cell) for cell in row)} |" for row in rows]
        parts.append("\n".join((f"| {' | '.join(_HEADERS)} |", "|---|--:|--:|---|---|", *lines)))
    return "\n\n".join(parts) + "\n"


def _kind(first: Outcome | None, second: Outcome | None) -> Kind:
    if first is None or second is None:
        return "added" if first is None else "gone"
    if first.verdict != second.verdict:
        return "verdict"
    return "number" if any(map(are_apart, _estimates(first), _estimates(second))) else "same"


def _estimates(outcome: Outcome) -> list[Interval]:
    return [measurement.estimate for measurement in outcome.measured]


def about(first: Outcomes, second: Outcomes) -> str:
    """A description of both runs in words."""
    runs = (
        f"{format_date(run.created)} {run.created[11:16]} ({run.profile}, {_commit(run)})" for run in (first, second)
    )
    return " → ".join(runs)


def _commit(outcomes: Outcomes) -> str:
    commits = {o.provenance.commit for o in outcomes.outcomes if o.provenance.commit}
    return one_line(f"qaml {', '.join(sorted(commits))}") if commits else "unknown qaml"


def compare_counts(found: Sequence[Pair]) -> str:
    """The numbers of claims that differ in each way, in words."""
    counts = Counter(pair.kind for pair in found)
    return " · ".join(f"{counts[kind]} {words}" for kind, words in KINDS.items() if counts[kind]) or "no claim"


def _cells(pair: Pair) -> list[str]:
    verdicts = [f"{MARKS[o.verdict].symbol} {o.verdict}" for o in (pair.first, pair.second) if o is not None]
    verdict = " → ".join(dict.fromkeys(verdicts))
    return [one_line(pair.node), _number(pair.first), _number(pair.second), verdict, KINDS[pair.kind]]


def _number(outcome: Outcome | None) -> str:
    if outcome is None or not outcome.measured:
        return ""
    return with_interval(show(outcome.measured[0], style_of(outcome)))
