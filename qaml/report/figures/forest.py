"""Forest plots: our value as a dot with its interval and a faint point a seed, the paper's value as an open diamond.

The threshold is a line, the side that supports the claim is lightly shaded. Claims of one family (suite, kind
and unit) share one axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.outcome import CellValue, Measurement
from qaml.outcome.record import Interval
from qaml.report.figures.accents import Accent
from qaml.report.figures.svg import Axis, diamond, dots, drawing, join, path, short, tag, tick_label
from qaml.report.text.numbers import Shown, Style, has_interval, metric_style, show
from qaml.report.text.width import shorten_middle
from qaml.vocab import Verdict

ROW_WIDTH = 300
ROW_HEIGHT = 24
_MARGIN = 9.0


def family_axis(measurements: Iterable[Measurement], style: Style, start: float, end: float) -> Axis:
    """An axis for a family that holds every value, paper's value and threshold, and intervals that are not too wide."""
    shown = list(measurements)
    core = [v for m in shown for v in _core(m) if abs(v) < 1e150]
    ends = [v for m in shown for v in (m.estimate.low, m.estimate.high) if abs(v) < 1e150]
    if style.is_signed:
        core.append(0.0)
    if not core:
        core = ends or [0.0, 1.0]
    low, high = min(core), max(core)
    span = (high - low) or abs(high) or 1.0
    least = 0.05 if style.unit == "points" else span * 0.2
    low = max(min([low, *ends]), low - span, *([0.0] if _is_share(style, low) else []))
    high = min(max([high, *ends]), high + span, *([1.0] if _is_share(style, low) and high <= 1 else []))
    room = max((high - low) * 0.04, least / 2 if high - low < least else 0.0)
    return Axis(low - room, high + room, start, end)


def _is_share(style: Style, low: float) -> bool:
    return style.unit == "points" and not style.is_signed and low >= 0


def _core(measurement: Measurement) -> Iterator[float]:
    yield from (measurement.estimate.value, *measurement.estimate.per_seed)
    yield from (v for v in (measurement.paper, measurement.at_least, measurement.at_most) if v is not None)


@lru_cache(maxsize=1024)
def head(axis: Axis, style: Style) -> Markup:
    """The axis of a family's column, as tick labels above the rows."""
    labels = [tag("text", tick_label(t, style.factor), x=axis.place(t), y=11.0, class_="tk") for t in axis.ticks(6)]
    return tag("svg", *labels, class_="fh", viewBox=f"0 0 {ROW_WIDTH} 15", role="img", aria_label="horizontal scale")


def row(
    measurement: Measurement,
    axis: Axis,
    sentence: str = "",
    *,
    look: str = "",
    is_hollow: bool = False,
    is_brief: bool = False,
) -> Markup:
    """The drawing in a claim's row of the overview, or in a cell's row, next to its numbers.

    Args:
        measurement: the measurement that is drawn.
        axis: the axis of all rows.
        sentence: what only the drawing shows, in words; if it is empty, screen readers skip the drawing.
        look: class of a model, if the row has no class of a verdict.
        is_hollow: whether the dot is not filled, which marks an invalid measurement.
        is_brief: whether seeds and end bars are left out, and the shade's edge is the threshold, for very many rows.
    """
    middle = ROW_HEIGHT / 2 - 1
    says = {"role": "img"} if sentence else {"aria_hidden": "true"}
    return tag(
        "svg",
        tag("title", sentence) if sentence else Markup(""),
        _ground(measurement, axis, 0, ROW_HEIGHT, is_brief=is_brief),
        _ours(measurement.estimate, axis, middle, 4.2, is_small=is_brief, dot="hollow" if is_hollow else "dot"),
        _paper(measurement.paper, axis),
        class_=f"f {look}".rstrip(),
        viewBox=f"0 0 {ROW_WIDTH} {ROW_HEIGHT}",
        **says,
    )


def pair_row(first: Measurement | None, second: Measurement | None, axis: Axis) -> Markup:
    """The drawing of a claim in two runs, next to their numbers: the first above and grey, the second below."""
    shown = second or first
    parts = [] if shown is None else [_ground(shown, axis, 0, ROW_HEIGHT)]
    if first is not None:
        parts.append(tag("g", _ours(first.estimate, axis, 6.5, 3.4, is_small=True), class_="was"))
    if second is not None:
        parts.append(_ours(second.estimate, axis, 16.5, 4.2, is_small=True))
    return tag("svg", *parts, class_="f", viewBox=f"0 0 {ROW_WIDTH} {ROW_HEIGHT}", aria_hidden="true")


def row_axis(measurements: Iterable[Measurement], style: Style) -> Axis:
    """The shared axis of a family's rows in the overview."""
    return family_axis(measurements, style, _MARGIN, ROW_WIDTH - _MARGIN)


def _ground(measurement: Measurement, axis: Axis, top: float, bottom: float, *, is_brief: bool = False) -> Markup:
    """The shade of the supporting side, the line of the threshold, and that of zero."""
    parts: list[Markup] = []
    low, high = measurement.at_least, measurement.at_most
    if low is not None or high is not None:
        left = axis.start if low is None else axis.place(low)
        right = axis.end if high is None else axis.place(high)
        if right > left:
            parts.append(
                tag("path", d=f"M{short(left)} {short(top)}H{short(right)}V{short(bottom)}H{short(left)}Z", class_="ok")
            )
    if axis.low < 0 < axis.high and 0 not in (low, high):
        parts.append(_vertical(axis.place(0.0), top, bottom, "z"))
    if is_brief and parts:
        return join(parts)
    parts += [_vertical(axis.place(t), top, bottom, "t") for t in (low, high) if t is not None and axis.holds(t)]
    return join(parts)


def _vertical(x: float, top: float, bottom: float, kind: str) -> Markup:
    return tag("path", d=f"M{short(x)} {short(top)}V{short(bottom)}", class_=kind)


def _ours(estimate: Interval, axis: Axis, y: float, radius: float, *, is_small: bool = False, dot: str = "") -> Markup:
    """Our value with its interval; ``dot`` names a symbol of the page for the dot, which makes rows shorter."""
    parts: list[Markup] = []
    seeds = [v for v in estimate.per_seed if not (is_small or math.isnan(v))]
    if len(seeds) > 1:
        below = y + radius + 3.4
        places = ((axis.place(v), below) for v in seeds)
        parts.append(tag("path", d=dots(places, is_whole=bool(dot)), class_="s"))
    if has_interval(estimate) and estimate.high > estimate.low:
        parts.append(tag("path", d=_whiskers(estimate, axis, y, radius, has_bars=not is_small), class_="i"))
    if math.isinf(estimate.value):
        parts.append(tag("path", d=_beyond(axis.place(estimate.value), estimate.value > 0, y, radius), class_="o"))
    elif not math.isnan(estimate.value) and dot:
        parts.append(tag("use", href=f"#{dot}", x=axis.place(estimate.value)))
    elif not math.isnan(estimate.value):
        parts.append(tag("circle", cx=axis.place(estimate.value), cy=y, r=radius, class_="o"))
    return join(parts)


def _beyond(x: float, is_right: bool, y: float, radius: float) -> str:
    """A triangle at the end of the axis, for an infinite value."""
    back = x - 1.8 * radius if is_right else x + 1.8 * radius
    return path(((x, y), (back, y - radius), (back, y + radius)), is_closed=True)


def _whiskers(estimate: Interval, axis: Axis, y: float, half: float, *, has_bars: bool = True) -> str:
    """The line of an interval, with end bars if ``has_bars``, and an arrow head at an end beyond the axis."""
    left, right = axis.place(estimate.low), axis.place(estimate.high)
    top = short(y - half)
    ends = []
    for x, inside, is_cut in ((left, 4.0, estimate.low < axis.low), (right, -4.0, estimate.high > axis.high)):
        if is_cut:
            ends.append(path(((x + inside, y - half), (x, y), (x + inside, y + half))))
        elif has_bars:
            ends.append(f"M{short(x)} {top}v{short(2 * half)}")
    return f"M{short(left)} {short(y)}H{short(right)}" + "".join(ends)


def _paper(value: float | None, axis: Axis, y: float = 0.0, radius: float = 0.0) -> Markup:
    """The paper's value as a diamond; without a radius, as the page's symbol for rows."""
    if value is None or math.isnan(value):
        return Markup("")
    if not radius:
        return tag("use", href="#paper", x=axis.place(value))
    return tag("path", d=diamond(axis.place(value), y, radius), class_="p")


class Line(NamedTuple):
    """One row of a large forest plot.

    Attributes:
        label: text at the left.
        measurement: the measurement that is drawn.
        shown: its numbers, at the right.
        look: class of its colour, which is a verdict's or a model's.
    """

    label: str
    measurement: Measurement
    shown: Shown
    look: Verdict | Accent


def verdict_lines(measured: Sequence[Measurement], style: Style, verdict: Verdict) -> list[Line]:
    """Rows for the measurements of a claim, in the verdict's colour."""
    return [Line(m.label, m, show(m, style), verdict) for m in measured]


def cell_lines(cells: Sequence[CellValue], accents: Mapping[str, Accent]) -> list[Line]:
    """Rows for the cells of a claim, in their model's colour."""
    return [
        Line(
            c.label,
            Measurement(label=c.label, estimate=c.estimate, paper=c.paper),
            show(Measurement(label="", estimate=c.estimate, paper=c.paper), metric_style(c.metric)),
            accents[c.model],
        )
        for c in cells
    ]


_WIDTH, _LEFT, _RIGHT, _PITCH, _TOP = 860.0, 288.0, 640.0, 30.0, 26.0


def cell_axis(cells: Sequence[CellValue], style: Style) -> Axis:
    """The axis of a plot of cells: shares always from 0 to 100 %, so that plots of a page can be compared."""
    if style.unit == "points":
        return Axis(-0.01, 1.01, _LEFT, _RIGHT)
    return measured_axis([Measurement(label="", estimate=c.estimate, paper=c.paper) for c in cells], style)


def cell_row_axis(cells: Sequence[CellValue], style: Style) -> Axis:
    """The axis of cells in the rows of a table, as ``cell_axis``."""
    return cell_axis(cells, style)._replace(start=_MARGIN, end=ROW_WIDTH - _MARGIN)


def measured_axis(measured: Sequence[Measurement], style: Style) -> Axis:
    """The axis of a claim's own large plot."""
    return family_axis(measured, style, _LEFT, _RIGHT)


def large(lines: Sequence[Line], axis: Axis, style: Style, title: str, description: str) -> Markup:
    """A forest plot with labels at the left and numbers at the right."""
    bottom = _TOP + _PITCH * len(lines)
    grid = [_vertical(axis.place(t), _TOP, bottom, "g") for t in axis.ticks(8)]
    ticks = [
        tag("text", tick_label(t, style.factor), x=axis.place(t), y=bottom + 15, class_="tk") for t in axis.ticks(8)
    ]
    heads = [
        tag("text", f"here [95 %]{', ' + style.word if style.word else ''}", x=_WIDTH - 70, y=14.0, class_="hd e"),
        tag("text", "paper", x=_WIDTH - 2, y=14.0, class_="hd e"),
    ]
    rows = [_large_row(line, axis, _TOP + _PITCH * i) for i, line in enumerate(lines)]
    return drawing("fl", f"0 0 {short(_WIDTH)} {short(bottom + 20)}", title, description, *grid, *heads, *rows, *ticks)


def _large_row(line: Line, axis: Axis, top: float) -> Markup:
    middle = top + _PITCH / 2
    return tag(
        "g",
        _ground(line.measurement, axis, top, top + _PITCH),
        tag("text", shorten_middle(line.label, 42, 16), tag("title", line.label), x=2.0, y=middle + 4, class_="lb"),
        _ours(line.measurement.estimate, axis, middle, 5.5),
        _paper(line.measurement.paper, axis, middle, 6.0),
        tag("text", f"{line.shown.value} {line.shown.interval}", x=_WIDTH - 70, y=middle + 4, class_="nm e"),
        tag("text", line.shown.paper, x=_WIDTH - 2, y=middle + 4, class_="nm e"),
        class_=line.look if isinstance(line.look, str) else line.look.look,
    )


def cell_plot(paper: float, ours: Interval | None, axis: Axis) -> Markup:
    """The small plot in a cell of a paper's table, below its numbers."""
    parts = [tag("path", d=f"M{short(axis.start)} 7H{short(axis.end)}", class_="g")]
    if ours is not None:
        parts.append(_ours(ours, axis, 7, 3.2, is_small=True))
    parts.append(_paper(paper, axis, 7, 3.6))
    return tag("svg", *parts, class_="ct", viewBox="0 0 90 14", aria_hidden="true")
