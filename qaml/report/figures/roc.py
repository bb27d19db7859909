"""Receiver operating characteristics: the share of attacks that a detector finds over the share of false alarms."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.drawings import Roc
from qaml.report.figures.curves import frame, thin, view
from qaml.report.figures.svg import Axis, drawing, path, tag
from qaml.report.text.numbers import format_number

_WIDTH, _HEIGHT = 420.0, 350.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 344.0, 14.0, 306.0
_ALARMS, _FOUND = "false positives: clean images flagged, %", "true positives: attacked images flagged, %"
OPERATING_THRESHOLD = 0.0


class Point(NamedTuple):
    """The rates at one threshold, 0–1."""

    false_positives: float
    true_positives: float
    threshold: float


def points(roc: Roc) -> list[Point]:
    """The thresholds with both rates, from no alarm to an alarm for every image."""
    rows = zip(roc.false_positives, roc.true_positives, roc.thresholds, strict=False)
    return sorted(Point(*row) for row in rows if math.isfinite(row[0]) and math.isfinite(row[1]))


def operating(roc: Roc) -> Point | None:
    """The point at threshold 0, at which the detector operates by default; ``None`` if it was not measured."""
    return next((point for point in points(roc) if point.threshold == OPERATING_THRESHOLD), None)


def area(roc: Roc) -> float:
    """The area below the curve by the trapezoidal rule, with both corners added; NaN without a point."""
    found = points(roc)
    if not found:
        return math.nan
    corners = [(0.0, 0.0), *((p.false_positives, p.true_positives) for p in found), (1.0, 1.0)]
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(corners))


def sentence(roc: Roc) -> str:
    """A sentence about the rates at the operating point, compared with guessing, and the area below the curve."""
    here = operating(roc)
    if here is None:
        return f"The area below the curve, joined to both corners, is {format_number(area(roc), 2)}; guessing has 0.5."
    found, alarms = (format_number(100 * v, 1) for v in (here.true_positives, here.false_positives))
    return (
        f"At threshold 0 (the dot) {roc.detector} flags {found} % of the attacked images and {alarms} % of the clean"
        f" ones; the dashed line is guessing. The area below the curve, joined to both corners, is"
        f" {format_number(area(roc), 2)}."
    )


def draw(roc: Roc, title: str, description: str) -> Markup:
    """A drawing of the curve, the diagonal of guessing, and the operating point at threshold 0."""
    x_axis, y_axis = Axis(0.0, 1.0, _LEFT, _RIGHT), Axis(0.0, 1.0, _BOTTOM, _TOP)
    places = [(x_axis.place(p.false_positives), y_axis.place(p.true_positives)) for p in thin(points(roc))]
    diagonal = path(((x_axis.start, y_axis.start), (x_axis.end, y_axis.end)))
    parts = [
        frame(x_axis, y_axis, 100.0, _ALARMS, _FOUND, x_factor=100.0),
        tag("path", d=diagonal, class_="guess"),
        tag("path", d=path(places), class_="ln"),
        *(tag("circle", cx=x, cy=y, r=2.2, class_="pt") for x, y in places),
    ]
    here = operating(roc)
    if here is not None:
        x, y = x_axis.place(here.false_positives), y_axis.place(here.true_positives)
        is_right = x > (_LEFT + _RIGHT) / 2
        parts.append(tag("circle", cx=x, cy=y, r=6.0, class_="o"))
        side = {"x": x - 11 if is_right else x + 11, "y": y + 16, "class_": "e" if is_right else None}
        parts.append(tag("text", "threshold 0", **side))
    return drawing("roc", view(_WIDTH, _HEIGHT), title, description, *parts)
