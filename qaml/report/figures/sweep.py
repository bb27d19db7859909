"""A trend's cells in their order, if they are not points over epsilon but over depth, variance or shots."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from qaml.outcome.outcome import CellValue, Outcome
from qaml.report.figures.curves import levels, view
from qaml.report.figures.svg import Axis, drawing, padded, path, short, tag
from qaml.report.text.marks import words
from qaml.report.text.numbers import metric_style, show_estimate
from qaml.report.text.sentences import with_unit
from qaml.report.text.width import shorten

_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 520.0, 14.0, 230.0


def cells(outcome: Outcome) -> tuple[CellValue, ...]:
    """The cells of a trend over models, each once, in the order of the claim; empty for other claims."""
    if outcome.kind != "trend":
        return ()
    found = {cell.label: cell for cell in outcome.cells}
    models = [cell.model for cell in found.values()]
    return tuple(found.values()) if len(set(models)) == len(models) else ()


def sentence(swept: Sequence[CellValue]) -> str:
    """A sentence about the first and the last value of the sweep."""
    style = metric_style(swept[0].metric)
    first, last = (with_unit(show_estimate(cell.estimate, style).value, style.word) for cell in (swept[0], swept[-1]))
    return f"From {first} ({swept[0].label}) to {last} ({swept[-1].label}). Bars are 95 % intervals, dots are seeds."


def draw(swept: Sequence[CellValue], title: str, description: str) -> Markup:
    """A drawing of values with their intervals and seeds, evenly spaced and joined by a line."""
    style = metric_style(swept[0].metric)
    ends = [v for c in swept for v in (c.estimate.low, c.estimate.high, c.estimate.value)]
    y_axis = Axis(0.0, 1.0, _BOTTOM, _TOP) if style.unit == "points" else padded(ends, _BOTTOM, _TOP)
    x_axis = Axis(-0.5, len(swept) - 0.5, _LEFT, _RIGHT)
    name = words(swept[0].metric) + (", %" if style.unit == "points" else "")
    parts = []
    for number, cell in enumerate(swept):
        x, estimate = x_axis.place(number), cell.estimate
        parts.append(tag("text", shorten(cell.model, 22), x=x, y=_BOTTOM + 17, class_="tk"))
        if not math.isfinite(estimate.value):
            continue
        seeds = "".join(f"M{short(x)} {short(y_axis.place(v))}h0" for v in estimate.per_seed if math.isfinite(v))
        parts.append(tag("path", d=seeds, class_="s"))
        if math.isfinite(estimate.low) and math.isfinite(estimate.high):
            low, high = y_axis.place(estimate.low), y_axis.place(estimate.high)
            parts.append(tag("path", d=f"M{short(x)} {short(low)}V{short(high)}", class_="i"))
        parts.append(tag("circle", cx=x, cy=y_axis.place(estimate.value), r=3.6, class_="o"))
    return drawing(
        "cv sw",
        view(532.0, 262.0),
        title,
        description,
        levels(x_axis, y_axis, style.factor, name),
        *(tag("path", d=path(run), class_="ln") for run in _runs(swept, x_axis, y_axis)),
        *parts,
    )


def _runs(swept: Sequence[CellValue], x_axis: Axis, y_axis: Axis) -> list[list[tuple[float, float]]]:
    """The points in groups of neighbours, separated where a value is missing."""
    runs: list[list[tuple[float, float]]] = [[]]
    for number, cell in enumerate(swept):
        if math.isfinite(cell.estimate.value):
            runs[-1].append((x_axis.place(number), y_axis.place(cell.estimate.value)))
        else:
            runs.append([])
    return [run for run in runs if len(run) > 1]
