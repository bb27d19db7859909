"""The history of runs in a terminal: the course of each cell, and the claims whose verdicts changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from tabulate import tabulate

from qaml.outcome.history import trends
from qaml.outcome.past import Past
from qaml.report.text.marks import MARKS
from qaml.report.text.numbers import format_date, format_value
from qaml.text import one_line
from qaml.vocab import Verdict

_BARS = "▁▂▃▄▅▆▇█"


def history_table(runs: Sequence[Past], patterns: Iterable[str] = ("*",)) -> str:
    """A line for each cell with its course, first and last value, and the runs that changed verdicts of claims."""
    if not runs:
        return "no run has been kept yet"
    rows = [
        [
            one_line(trend.cell),
            sparkline([value for value, _, _ in trend.values]),
            format_value(trend.values[0][0], trend.metric),
            format_value(trend.values[-1][0], trend.metric),
            len(trend.values),
        ]
        for trend in trends(runs, patterns)
    ]
    headers = ["cell", "course", "first", "last", "runs"]
    align = ("left", "left", "right", "right", "right")
    lines = [f"{len(runs)} runs from {format_date(runs[0].created)} to {format_date(runs[-1].created)}", ""]
    lines += [tabulate(rows, headers=headers, tablefmt="simple", colalign=align, disable_numparse=True)] if rows else []
    turned = list(_turned(runs))
    return "\n".join([*lines, *(["", "verdicts that changed", *turned] if turned else [])])


def sparkline(values: Sequence[float]) -> str:
    """A bar for each value between the smallest and the largest; a dot for a missing number."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    reach = high - low or 1.0
    return "".join(
        _BARS[round((value - low) / reach * (len(_BARS) - 1))] if math.isfinite(value) else "·" for value in values
    )


def _turned(runs: Sequence[Past]) -> Iterator[str]:
    known: dict[str, Verdict] = {}
    for past in runs:
        for node, verdict in past.verdicts.items():
            if known.get(node, verdict) != verdict:
                turn = " → ".join(f"{MARKS[v].symbol} {v}" for v in (known[node], verdict))
                when = f"{format_date(past.created)}, commit {past.commit or 'unknown'}"
                yield f"{one_line(node)}: {turn} ({when})"
            known[node] = verdict
