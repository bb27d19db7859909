"""What the regression gate found, for a terminal, for a CI's page, and beside the lines of the specs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tabulate import tabulate

from qaml.gate.baseline import Baseline
from qaml.gate.regression import STATUSES, Change, Status
from qaml.report.markdown import escape
from qaml.report.text import one_line

SYMBOLS: dict[Status, str] = {
    "worse": "✕",
    "better": "●",
    "unchanged": "=",
    "new": "+",
    "vanished": "−",
    "not comparable": "⊘",
    "not testable": "◐",
}
_HEADERS = ["cell", "baseline", "here", "drop", "95 % interval", "detectable", "status"]


def gate_table(changes: Sequence[Change], baseline: Baseline) -> str:
    """Counts, a line a cell that is not unchanged, and what the gate would have noticed in the others."""
    rows = [_cells(change) for change in changes if change.status != "unchanged"]
    lines = [f"against the baseline of {baseline.created[:10]}: {_counts(changes)}", _power(changes, baseline)]
    if rows:
        align = ("left", "right", "right", "right", "right", "right", "left")
        lines.append(tabulate(rows, headers=_HEADERS, tablefmt="simple", colalign=align, disable_numparse=True))
    lines += [f"{change.cell}: {one_line(change.why)}" for change in changes if change.why]
    return "\n".join(line for line in lines if line)


def gate_markdown(changes: Sequence[Change], baseline: Baseline) -> str:
    """The same as GitHub Markdown, unchanged cells folded away."""
    head = f"| {' | '.join(_HEADERS)} |\n|---|--:|--:|--:|--:|--:|---|"

    def table(chosen: Sequence[Change]) -> str:
        return "\n".join((head, *(f"| {' | '.join(escape(cell) for cell in _cells(change))} |" for change in chosen)))

    others = [change for change in changes if change.status != "unchanged"]
    same = [change for change in changes if change.status == "unchanged"]
    parts = [f"## qaml gate: {escape(_counts(changes))}", escape(_power(changes, baseline))]
    parts += [table(others)] if others else []
    notes = [f"- {escape(change.cell)}: {escape(change.why)}" for change in others if change.why]
    parts += ["\n".join(notes)] if notes else []
    if same:
        parts.append(f"<details><summary>{len(same)} unchanged</summary>\n\n{table(same)}\n\n</details>")
    return "\n\n".join(part for part in parts if part) + "\n"


def workflow_commands(changes: Sequence[Change]) -> str:
    """GitHub workflow commands that show worse cells beside the claims that measure them, a line each."""
    lines = []
    for change in changes:
        if change.status == "worse" and change.drop is not None:
            text = f"{change.cell} fell by {_points(change.drop.value)} points, from {_share(change.before)}"
            file, title = (_property(value) for value in (change.file, "robustness regression"))
            lines.append(f"::error file={file},line={change.line},title={title}::{_data(text)}")
    return "\n".join(lines)


def baseline_table(baseline: Baseline) -> str:
    """Every cell of a baseline, and its settings."""
    rows = [
        [name, f"{100 * cell.accuracy:.1f} %", cell.runs, cell.images, f"{100 * baseline.tolerance(name):g}"]
        for name, cell in baseline.cells.items()
    ]
    wanted = f", drops of {100 * baseline.sensitivity:g} points must be noticed" if baseline.sensitivity else ""
    head = f"{baseline.created}, profile {baseline.profile}, commit {baseline.commit or 'unknown'}"
    level = f"false alarms in {100 * baseline.level:g} % of runs at most{wanted}"
    headers = ["cell", "accuracy", "runs", "images", "tolerance, points"]
    return f"{head}\n{level}\n\n{tabulate(rows, headers=headers, tablefmt='simple', disable_numparse=True)}"


def _counts(changes: Sequence[Change]) -> str:
    counts = Counter(change.status for change in changes)
    return " · ".join(f"{SYMBOLS[s]} {counts[s]} {s}" for s in STATUSES if counts[s]) or "no cell"


def _power(changes: Sequence[Change], baseline: Baseline) -> str:
    found = [change.detectable for change in changes if change.detectable is not None]
    if not found:
        return "no cell could be tested"
    ends = dict.fromkeys((_points(min(found)), _points(max(found))))
    return (
        f"{len(found)} cells tested at {100 * baseline.level:g} % together; drops of {' to '.join(ends)} points would "
        "have been noticed with a chance of 95 %"
    )


def _cells(change: Change) -> list[str]:
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
    """The message of a workflow command: its own escapes for what would end it."""
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
