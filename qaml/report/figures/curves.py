"""Curves: accuracy over epsilon with bands, and training curves with one faint line a seed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from markupsafe import Markup

from qaml.metrics.table import METRICS, metric
from qaml.outcome.drawings import Curve, TrainingCurve
from qaml.outcome.outcome import CellValue
from qaml.report.figures.accents import Accent
from qaml.report.figures.svg import Axis, diamond, drawing, join, padded, path, short, tag, tick_labels
from qaml.report.text.marks import words
from qaml.report.text.numbers import metric_style
from qaml.report.text.origin import origin
from qaml.report.text.width import shorten

_WIDTH, _BELOW = 750.0, 44.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 520.0, 14.0, 286.0
_GAP = 14.0
HEAD = 10
_MOST_POINTS = 100
_MOST_CURVES = 8
_T = TypeVar("_T")
_ACCURACIES = frozenset(name for name in METRICS.builtin_kinds() if metric(name).is_accuracy)


class Panel(NamedTuple):
    """Curves that share a pair of axes: the same quantity and the same range of budgets (so the same norm).

    Accuracy under one attack and robust accuracy, its worst case over attacks, count as one quantity.
    """

    metric: str
    curves: tuple[Curve, ...]
    paper: tuple[tuple[str, float, float], ...]
    """Points of the paper: model, epsilon, value."""
    name: str = ""
    """The common origin of the curves if many were sorted onto several panels; their labels then omit it."""


class _Point(NamedTuple):
    x: float
    value: float
    low: float
    high: float


def panels(curves: Sequence[Curve], cells: Sequence[CellValue]) -> list[Panel]:
    """Sort curves onto panels, each with the clean accuracy at ε = 0 if the cells have it."""
    groups: dict[tuple[str, float], list[Curve]] = {}
    for curve in curves:
        finite = [e for e in curve.epsilons if math.isfinite(e)]
        if finite:
            quantity = "accuracy" if curve.metric in _ACCURACIES else curve.metric
            groups.setdefault((quantity, max(finite)), []).append(_from_clean(curve, cells))
    return [_panel(name, part, cells) for group in groups.values() for name, part in _parts(group, cells).items()]


def _parts(group: Sequence[Curve], cells: Sequence[CellValue]) -> dict[str, list[Curve]]:
    """The curves of one pair of axes, grouped by the origin of adversarials if they are too many for one panel."""
    if len(group) <= _MOST_CURVES:
        return {"": list(group)}
    surrogates = {cell.attack[0]: cell.surrogate for cell in cells if len(cell.attack) == 1}
    worst = [curve for curve in group if curve.is_worst_case]
    single = [(curve, origin(curve.model, curve.attack, surrogates.get(curve.attack))) for curve in group]
    single = [(curve, made) for curve, made in single if not curve.is_worst_case]
    parts: dict[str, list[Curve]] = {}
    for made in dict.fromkeys(made for curve, made in single if made.model != curve.model):
        parts[made.words] = [curve for curve, own in single if own == made]
    shown = [curve for part in parts.values() for curve in part]
    for attack in dict.fromkeys(made.attack for _, made in single):
        own = [curve for curve, made in single if made == (attack, curve.model)]
        if any(curve not in shown for curve in own):
            parts[f"{attack} made on each model itself" if parts else attack] = own
    return parts | ({name_of(worst[0]): worst} if worst else {})


def _panel(name: str, group: Sequence[Curve], cells: Sequence[CellValue]) -> Panel:
    metrics = dict.fromkeys(curve.metric for curve in group)
    metric = "accuracy" if len(metrics) > 1 else group[0].metric
    ordered = sorted(group, key=lambda curve: not curve.is_worst_case)  # thick lines below thin ones
    return Panel(metric, tuple(ordered), _paper_points(metrics, group, cells), name)


def name_of(curve: Curve) -> str:
    """The name of the attack; for a worst case it begins with ``worst``."""
    if not curve.is_worst_case or curve.attack.startswith("worst"):
        return curve.attack
    return f"worst of {curve.attack}"


def _from_clean(curve: Curve, cells: Sequence[CellValue]) -> Curve:
    clean = [c.estimate for c in cells if c.metric == "clean_accuracy" and c.model == curve.model]
    if not clean or 0.0 in curve.epsilons or curve.metric not in _ACCURACIES:
        return curve
    return curve.model_copy(
        update={
            "epsilons": (0.0, *curve.epsilons),
            "values": (clean[0].value, *curve.values),
            "lows": (clean[0].low, *curve.lows),
            "highs": (clean[0].high, *curve.highs),
        }
    )


def _paper_points(
    metrics: Collection[str], curves: Sequence[Curve], cells: Sequence[CellValue]
) -> tuple[tuple[str, float, float], ...]:
    models = {curve.model for curve in curves}
    budgets = {e for curve in curves for e in curve.epsilons}
    points: list[tuple[str, float, float]] = []
    for cell in cells:
        epsilon = 0.0 if cell.metric == "clean_accuracy" else cell.epsilon
        is_here = cell.model in models and cell.metric in {*metrics, "clean_accuracy"} and epsilon in budgets
        if is_here and cell.paper is not None and epsilon is not None and math.isfinite(cell.paper):
            points.append((cell.model, epsilon, cell.paper))
    return tuple(dict.fromkeys(points))


def draw(
    panel: Panel, looks: Sequence[Accent], title: str, description: str, *, is_of_one_model: bool = False
) -> Markup:
    """A drawing of a panel: bands, lines (the worst case thick), the paper's points, names at the ends of lines.

    Args:
        panel: the panel.
        looks: the look of each curve.
        title: title of the figure.
        description: description of the figure for readers who do not see it.
        is_of_one_model: whether all curves are of one model, so that labels of lines omit its name.
    """
    style = metric_style(panel.metric)
    drawn = [(curve, _points(curve)) for curve in panel.curves]
    x_axis = Axis(0.0, max(p.x for _, points in drawn for p in points) or 1.0, _LEFT, _RIGHT)
    values = [v for _, points in drawn for p in points for v in p[1:]] + [v for _, _, v in panel.paper]
    bottom = max(_BOTTOM, _TOP + _GAP * len(drawn))  # every label has a line of its own
    y_axis = Axis(0.0, 1.0, bottom, _TOP) if style.unit == "points" else padded([0.0, *values], bottom, _TOP)
    of_model = {curve.model: accent.look for curve, accent in zip(panel.curves, looks, strict=True)}
    names = [_name(curve, is_of_one_model=is_of_one_model, has_attack=not panel.name) for curve in panel.curves]
    lines = [_line(*each, accent, x_axis, y_axis) for each, accent in zip(drawn, looks, strict=True)]
    diamonds = [
        tag("path", d=diamond(x_axis.place(e), y_axis.place(v), 5.5), class_=f"p {of_model[m]}")
        for m, e, v in panel.paper
    ]
    return drawing(
        "cv",
        view(_WIDTH, bottom + _BELOW),
        title,
        description,
        frame(x_axis, y_axis, style.factor, "ε", words(panel.metric) + (", %" if style.unit == "points" else "")),
        *lines,
        *diamonds,
        _names(drawn, names, looks, x_axis, y_axis),
    )


def _points(curve: Curve) -> list[_Point]:
    rows = zip(curve.epsilons, curve.values, curve.lows, curve.highs, strict=False)
    return [_Point(*r) for r in rows if math.isfinite(r[0])]


def _line(curve: Curve, points: Sequence[_Point], accent: Accent, x_axis: Axis, y_axis: Axis) -> Markup:
    parts: list[Markup] = []
    for run in _runs(points):
        banded = [p for p in run if not (math.isnan(p.low) or math.isnan(p.high))]
        outline = [(x_axis.place(p.x), y_axis.place(p.high)) for p in banded]
        outline += [(x_axis.place(p.x), y_axis.place(p.low)) for p in reversed(banded)]
        if len(banded) > 1:
            parts.append(tag("path", d=path(outline, is_closed=True), class_="bd"))
        places = [(x_axis.place(p.x), y_axis.place(p.value)) for p in run]
        parts.append(tag("path", d=path(places), class_="ln", stroke_dasharray=accent.dash or None))
        parts += [tag("circle", cx=x, cy=y, r=2.6, class_="pt") for x, y in places]
    return tag("g", *parts, class_=f"{'worst' if curve.is_worst_case else 'curve'} {accent.look}")


def _runs(points: Iterable[_Point]) -> list[list[_Point]]:
    """The points in groups of neighbours, separated where a value is missing."""
    runs: list[list[_Point]] = [[]]
    for point in points:
        if math.isnan(point.value):
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def _name(curve: Curve, *, is_of_one_model: bool, has_attack: bool) -> str:
    if is_of_one_model:
        return name_of(curve)
    return f"{curve.model}, {name_of(curve)}" if has_attack else curve.model


def _names(
    drawn: Sequence[tuple[Curve, Sequence[_Point]]],
    names: Sequence[str],
    looks: Sequence[Accent],
    x_axis: Axis,
    y_axis: Axis,
) -> Markup:
    """Labels at the ends of lines, moved apart if lines end close together."""
    last = {i: runs[-1][-1] for i, (_, points) in enumerate(drawn) if (runs := _runs(points))}
    wanted = sorted((y_axis.place(point.value), i) for i, point in last.items())
    placed = spread([y for y, _ in wanted], _GAP, _TOP + 4, y_axis.start + 8)
    labels: list[Markup] = []
    for (end, i), y in zip(wanted, placed, strict=True):
        curve = drawn[i][0]
        accent = looks[i].look
        leader = path(((x_axis.place(last[i].x) + 4, end), (_RIGHT + 14, y)))
        labels.append(tag("path", d=leader, class_=f"ld {accent}"))
        name = tag("tspan", shorten(names[i], 34))
        look = f"nm bold {accent}" if curve.is_worst_case else f"nm {accent}"
        labels.append(tag("text", name, tag("title", names[i]), x=_RIGHT + 18, y=y + 4, class_=look))
    return join(labels)


def spread(wanted: Sequence[float], gap: float, top: float, bottom: float) -> list[float]:
    """Positions near the wanted (increasing) ones, at least ``gap`` apart, between top and bottom if they fit."""
    placed: list[float] = []
    for y in wanted:
        placed.append(max(y, placed[-1] + gap) if placed else max(y, top))
    limit = bottom
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - gap
    return placed


@lru_cache(maxsize=1024)
def frame(x_axis: Axis, y_axis: Axis, factor: float, x_name: str, y_name: str, *, x_factor: float = 1.0) -> Markup:
    """A drawing of both axes with their names and ticks (times their factors), and faint horizontal lines."""
    parts = [levels(x_axis, y_axis, factor, y_name)]
    ticks = x_axis.ticks(7)
    for tick, label in zip(ticks, tick_labels(ticks, x_factor), strict=True):
        x = x_axis.place(tick)
        parts.append(tag("path", d=f"M{short(x)} {short(y_axis.start)}v4", class_="z"))
        parts.append(tag("text", label, x=x, y=y_axis.start + 17, class_="tk"))
    parts.append(tag("text", x_name, x=(x_axis.start + x_axis.end) / 2, y=y_axis.start + 34, class_="hd m"))
    return join(parts)


@lru_cache(maxsize=1024)
def levels(x_axis: Axis, y_axis: Axis, factor: float, y_name: str) -> Markup:
    """A drawing of the vertical axis with its name above it and its ticks, and of horizontal lines.

    The name is horizontal: next to the ticks it would need the space of long labels. Views begin ``HEAD`` above zero.
    """
    parts: list[Markup] = []
    ticks = y_axis.ticks(6)
    for tick, label in zip(ticks, tick_labels(ticks, factor), strict=True):
        y = y_axis.place(tick)
        parts.append(tag("path", d=f"M{short(x_axis.start)} {short(y)}H{short(x_axis.end)}", class_="g"))
        parts.append(tag("text", label, x=x_axis.start - 7, y=y + 4, class_="tk e"))
    parts.append(tag("path", d=f"M{short(x_axis.start)} {short(y_axis.start)}H{short(x_axis.end)}", class_="z"))
    parts.append(tag("text", y_name, x=2.0, y=y_axis.end - 10, class_="hd"))
    return join(parts)


def view(width: float, height: float) -> str:
    """The ``viewBox`` of a figure with a frame, with space above it for the name of the vertical axis."""
    return f"0 {-HEAD} {short(width)} {short(height + HEAD)}"


def epochs_of(curve: TrainingCurve) -> tuple[float, ...]:
    """The epoch of each value of a training curve."""
    longest = max((len(seed) for seed in curve.seeds), default=0)
    return curve.epochs or tuple(float(epoch) for epoch in range(1, longest + 1))


def draw_training(curve: TrainingCurve, accent: Accent, title: str, description: str) -> Markup:
    """A small panel with one faint line a seed (or a layer) over epochs; with a single epoch, a dot a seed."""
    epochs = epochs_of(curve)
    x_axis = Axis(1.0, epochs[-1], 46.0, 330.0) if len(epochs) > 1 else Axis(0.0, 2.0, 46.0, 330.0)
    y_axis = padded((v for seed in curve.seeds for v in seed), 128.0, 10.0)
    lines = []
    for seed in curve.seeds:
        points = [_Point(epoch, v, v, v) for epoch, v in zip(epochs, seed, strict=False) if not math.isinf(v)]
        for run in _runs(thin(points)):
            if len(run) == 1:
                x, y = x_axis.place(run[0].x), y_axis.place(run[0].value)
                lines.append(tag("circle", cx=short(x), cy=short(y), r="2", class_="pt"))
            d = path(zip(x_axis.places(p.x for p in run), y_axis.places(p.value for p in run), strict=True))
            lines.append(tag("path", d=d, class_="sd"))
    return drawing(
        f"tr {accent.look}",
        view(340.0, 166.0),
        title,
        description,
        frame(x_axis, y_axis, 1.0, "epoch", words(curve.name)),
        *lines,
    )


def thin(points: Sequence[_T]) -> Sequence[_T]:
    """Every k-th point and the last one if there are more than a figure can show; else all points."""
    step = -(-len(points) // _MOST_POINTS)
    return points if step <= 1 else [*points[:-1:step], points[-1]]
