"""The result of the regression gate for a terminal, for a page of a CI run, and as annotations of specs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from qaml.outcome.past import CellChange, Regression
from qaml.report.text.markdown import escape
from qaml.report.text.numbers import count, format_date
from qaml.text import one_line, some
from qaml.vocab import CELL_STATUSES, CellStatus

if TYPE_CHECKING:
    from qaml.gate.baseline import Baseline

SYMBOLS: dict[CellStatus, str] = {
    "worse": "✕",
    "better": "●",
    "unchanged": "=",
    "new": "+",
    "vanished": "−",
    "not comparable": "⊘",
    "not testable": "◐",
}
_MOST = 200
"""Largest number of cells in the overview's table."""
_HEADERS = ["cell", "baseline", "here", "drop", "95 % interval", "detectable", "status"]


def gate_view(regression: Regression | None) -> dict[str, Any] | None:
    """The result of a gate for the overview, by the names that its template uses; ``None`` without a gate."""
    if regression is None:
        return None
    changes = regression.changes
    # cells that are neither new nor unchanged and could be compared
    shown = [change for change in changes if change.status not in ("new", "unchanged", "not comparable")]
    commit = f", commit {regression.commit}" if regression.commit else ""
    is_judged = not regression.failure
    return {
        "accepted": f"{format_date(regression.created)}{commit}" if is_judged else "",
        "counts": regression.failure or counts(changes),
        "power": power(regression) if is_judged else "",
        "headers": _HEADERS,
        "rows": [(change, _cells(change)) for change in shown[:_MOST]],
        "n_more": max(len(shown) - _MOST, 0),
        "notes": [*_not_compared(changes)],
    }


def gate_table(regression: Regression) -> str:
    """Counts, a line for each cell that is not unchanged, and the smallest change that the gate would have noticed."""
    if regression.failure:
        return f"the gate cannot judge: {regression.failure}"
    changes = regression.changes
    rows = [_cells(change) for change in changes if change.status not in ("unchanged", "not comparable")]
    lines = [f"against the baseline of {format_date(regression.created)}: {counts(changes)}", power(regression)]
    if rows:
        align = ("left", "right", "right", "right", "right", "right", "left")
        lines.append(tabulate(rows, headers=_HEADERS, tablefmt="simple", colalign=align, disable_numparse=True))
    explained = [change for change in changes if change.why and change.status != "not comparable"]
    lines += [*_not_compared(changes), *(f"{change.cell}: {one_line(change.why)}" for change in explained)]
    if worse := sum(change.status == "worse" for change in changes):
        lines.append(f"the gate fails: {count(worse, 'cell')} worse than in the baseline")
    return "\n".join(line for line in lines if line)


def gate_markdown(regression: Regression) -> str:
    """The same text as GitHub Markdown, in which unchanged cells are folded."""
    head = f"| {' | '.join(_HEADERS)} |\n|---|--:|--:|--:|--:|--:|---|"

    def table(chosen: Sequence[CellChange]) -> str:
        return "\n".join((head, *(f"| {' | '.join(escape(cell) for cell in _cells(change))} |" for change in chosen)))

    if regression.failure:
        return f"## qaml gate: it cannot judge\n\n{escape(regression.failure)}\n"
    changes = regression.changes
    others = [change for change in changes if change.status not in ("unchanged", "not comparable")]
    same = [change for change in changes if change.status == "unchanged"]
    parts = [f"## qaml gate: {escape(counts(changes))}", escape(power(regression))]
    parts += [table(others)] if others else []
    notes = [f"- {escape(line)}" for line in _not_compared(changes)]
    notes += [f"- {escape(change.cell)}: {escape(change.why)}" for change in others if change.why]
    parts += ["\n".join(notes)] if notes else []
    if same:
        parts.append(f"<details><summary>{len(same)} unchanged</summary>\n\n{table(same)}\n\n</details>")
    return "\n\n".join(part for part in parts if part) + "\n"


def workflow_commands(regression: Regression) -> str:
    """GitHub workflow commands that annotate claims with their worse cells, a line each."""
    lines = []
    for change in regression.changes:
        if change.status == "worse" and change.drop is not None:
            text = f"{change.cell} fell by {_points(change.drop.value)} points, from {_share(change.before)}"
            file, title = (_property(value) for value in (change.file, "robustness regression"))
            lines.append(f"::error file={file},line={change.line},title={title}::{_data(text)}")
    return "\n".join(lines)


def baseline_table(baseline: Baseline) -> str:
    """A table of all cells of a baseline, and its settings."""
    rows = [
        [
            name,
            f"{100 * cell.accuracy:.1f} %",
            cell.runs,
            cell.images,
            cell.spare,
            f"{100 * baseline.tolerance(name):g}",
        ]
        for name, cell in baseline.cells.items()
    ]
    wanted = f", drops of {100 * baseline.sensitivity:g} points must be noticed" if baseline.sensitivity else ""
    head = f"{baseline.created}, profile {baseline.profile}, commit {baseline.commit or 'unknown'}"
    level = f"false alarms in {100 * baseline.level:g} % of runs at most{wanted}"
    headers = ["cell", "accuracy", "runs", "images", "in reserve", "tolerance, points"]
    return f"{head}\n{level}\n\n{tabulate(rows, headers=headers, tablefmt='simple', disable_numparse=True)}"


def counts(changes: Sequence[CellChange]) -> str:
    """The number of cells of each status, in words."""
    found = Counter(change.status for change in changes)
    return " · ".join(f"{SYMBOLS[s]} {found[s]} {s}" for s in CELL_STATUSES if found[s]) or "no cell"


def power(regression: Regression) -> str:
    """A sentence about the smallest change that the gate would have noticed."""
    found = [change.detectable for change in regression.changes if change.detectable is not None]
    if not found:
        return "no cell could be tested"
    ends = dict.fromkeys((_points(min(found)), _points(max(found))))
    tested = f"{count(len(found), 'cell')} tested at {100 * regression.level:g} % together"
    return f"{tested}; drops of {' to '.join(ends)} points would have been noticed with a chance of 95 %"


def _not_compared(changes: Sequence[CellChange]) -> list[str]:
    """The reasons why cells are not comparable, each once with its cells, as a new library affects all cells."""
    found: dict[str, list[str]] = {}
    for change in changes:
        if change.status == "not comparable":
            found.setdefault(one_line(change.why), []).append(one_line(change.cell))
    return [f"not comparable: {some(cells)}: {why}" for why, cells in found.items()]


def _cells(change: CellChange) -> list[str]:
    drop, interval = "", ""
    if change.drop is not None:
        drop, interval = _points(change.drop.value), f"[{_points(change.drop.low)}, {_points(change.drop.high)}]"
    detectable = "" if change.detectable is None else _points(change.detectable)
    status = f"{SYMBOLS[change.status]} {change.status}"
    return [one_line(change.cell), _share(change.before), _share(change.after), drop, interval, detectable, status]


def _points(value: float) -> str:
    return f"{100 * value:.1f}".replace("-", "−") if abs(value) >= 5e-4 else "0.0"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _data(text: str) -> str:
    """The message of a workflow command, with characters escaped that would end it."""
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
