"""Test examples as points: decision regions, principal components of states, Bloch vectors of the measured wire."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup

from qaml.outcome.drawings import Portrait, Scatter
from qaml.report.figures.curves import frame, view
from qaml.report.figures.svg import Axis, compact, drawing, join, padded, short, tag

_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 334.0, 10.0, 298.0
_CLASSES = ("k0", "k1")
"""Looks of the classes, which alternate if there are more than two."""


def draw(portrait: Portrait, scatter: Scatter, description: str) -> Markup:
    """A drawing of one panel: clean examples small and faint, attacked ones large, wrong answers as crosses."""
    x_axis, y_axis = _axis(scatter, 0, _LEFT, _RIGHT), _axis(scatter, 1, _BOTTOM, _TOP)
    parts: list[Markup] = [_regions(scatter.regions, x_axis, y_axis)] if scatter.regions else []
    if scatter.has_circle:
        middle, edge = x_axis.place(0), x_axis.place(1)
        parts.append(tag("circle", cx=middle, cy=y_axis.place(0), r=edge - middle, class_="disc"))
    clean_look = "faint" if scatter.attacked else ""
    parts.append(_marks(portrait, scatter.clean, portrait.clean_correct, x_axis, y_axis, clean_look, 2.2))
    if scatter.attacked:
        parts.append(_marks(portrait, scatter.attacked, portrait.attacked_correct, x_axis, y_axis, "", 3.2))
    return drawing(
        "sc",
        view(344.0, 342.0),
        f"{portrait.model}: {scatter.title}",
        description,
        frame(x_axis, y_axis, 1.0, scatter.x_name, scatter.y_name),
        *parts,
    )


def sentence(portrait: Portrait, scatter: Scatter) -> str:
    """A sentence about how many of the examples are classified correctly, clean and attacked."""
    n = len(portrait.labels)
    if scatter.attacked is None:  # the panel of the untrained circuit has no attacked examples
        return f"{n} clean test examples behind the untrained circuit; marks are those of the trained one."
    right = f"{sum(map(int, portrait.clean_correct))} of {n} clean examples"
    return f"{right} and {sum(map(int, portrait.attacked_correct))} attacked ones are classified correctly."


def key(portrait: Portrait) -> str:
    """A sentence that explains the marks."""
    first, second = (*portrait.classes, "", "")[:2]
    marks = f"Blue {first}, orange {second}; small and faint: clean, large: attacked; a cross is classified wrongly."
    has_regions = any(scatter.regions for scatter in portrait.scatters)
    shades = " Shades are the model's answer, from sure of the first class to sure of the second."
    return marks + (shades if has_regions else "")


def _axis(scatter: Scatter, which: int, start: float, end: float) -> Axis:
    given = (scatter.x_range, scatter.y_range)[which]
    if given is not None:
        return Axis(given[0], given[1], start, end)
    both = (scatter.clean, *((scatter.attacked,) if scatter.attacked else ()))
    return padded((value for points in both for value in points[which]), start, end)


def _regions(rows: tuple[str, ...], x_axis: Axis, y_axis: Axis) -> Markup:
    """The regions as one path a level; neighbouring cells of equal answer form one stroke."""
    width, height = (x_axis.end - x_axis.start) / len(rows[0]), (y_axis.start - y_axis.end) / len(rows)
    strokes: dict[str, list[str]] = {}
    for number, row in enumerate(rows):
        y = y_axis.end + (number + 0.5) * height
        for level, begin, length in _runs(row):
            run = f"M{short(x_axis.start + begin * width)} {short(y)}h{short(length * width)}"
            strokes.setdefault(level, []).append(run)
    return join(
        tag("path", d="".join(runs), class_=f"r r{level}", stroke_width=height + 0.4)
        for level, runs in sorted(strokes.items())
        if level != "-"
    )


def _runs(row: str) -> Iterator[tuple[str, int, int]]:
    begin = 0
    for level, cells in groupby(row):
        length = len(list(cells))
        yield level, begin, length
        begin += length


def _marks(
    portrait: Portrait,
    points: tuple[tuple[float, ...], tuple[float, ...]],
    correct: tuple[float, ...],
    x_axis: Axis,
    y_axis: Axis,
    look: str,
    radius: float,
) -> Markup:
    """One path for the dots and one for the crosses of each class."""
    found: dict[tuple[int, bool], list[str]] = {}
    places = zip(x_axis.places(points[0]), y_axis.places(points[1]), strict=False)
    for (x, y), label, is_right, *point in zip(places, portrait.labels, correct, *points, strict=False):
        if all(map(math.isfinite, point)):
            kind = int(label) % len(_CLASSES), bool(is_right)
            found.setdefault(kind, []).append(f"M{x:.1f} {y:.1f}h0" if is_right else _cross(x, y, radius))
    return join(
        tag(
            "path",
            d=compact("".join(marks)),
            class_=" ".join(filter(None, (_CLASSES[label], "dot" if is_right else "cross", look))),
            stroke_width=2 * radius if is_right else None,
        )
        for (label, is_right), marks in sorted(found.items())
    )


def _cross(x: float, y: float, radius: float) -> str:
    size = f"{2 * radius:.1f}"
    return f"M{x - radius:.1f} {y - radius:.1f}l{size} {size}m0 -{size}l-{size} {size}"
