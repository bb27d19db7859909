"""SVG for figures: escaped elements, short coordinates, and a linear axis with round ticks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from markupsafe import Markup, escape

from qaml.text import clean

_HARMLESS = re.compile(r"[\w .,;:#()+-]*", re.ASCII)
_SHORT = 24
_WHOLE = re.compile(r"\.0(?!\d)")


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element; in names of attributes a trailing underscore is dropped, and others become hyphens.

    An attribute that is ``None`` is left out. Children that are plain strings are escaped, ``Markup`` is kept.
    """
    inside = "".join(
        [
            (_repeated(key, value) if len(value) < _SHORT else _text(key, value))
            if isinstance(value, str)
            else f' {_spelled(key)}="{short(value)}"'
            for key, value in attributes.items()
            if value is not None
        ]
    )
    content = "".join([child if isinstance(child, Markup) else escape(clean(child)) for child in children])
    return Markup(f"<{name}{inside}>{content}</{name}>" if content else f"<{name}{inside}/>")


def _text(key: str, value: str) -> str:
    return f' {_spelled(key)}="{value if _HARMLESS.fullmatch(value) else escape(clean(value))}"'


_repeated = lru_cache(maxsize=4096)(_text)
"""Escapes a text with a cache, since classes, roles and addresses are repeated."""


@cache
def _spelled(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def drawing(look: str, view: str, title: str, description: str, *parts: Markup, **size: float) -> Markup:
    """A whole drawing with its title and a description for readers who do not see it."""
    said = tag("title", title), tag("desc", description)
    return tag("svg", *said, *parts, class_=look, viewBox=view, **size, role="img")


def join(parts: Iterable[Markup]) -> Markup:
    """Elements, concatenated."""
    return Markup("".join(parts))


def short(value: float) -> str:
    """A coordinate as text with at most one decimal place."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def path(points: Iterable[tuple[float, float]], *, is_closed: bool = False) -> str:
    """The attribute ``d`` of a polyline."""
    body = compact("L".join([f"{x:.1f} {y:.1f}" for x, y in points]) + ("Z" if is_closed else ""))
    return f"M{body}" if len(body) > is_closed else ""


def dots(points: Iterable[tuple[float, float]], *, is_whole: bool = False) -> str:
    """The attribute ``d`` of dots as round line caps: much shorter than circles, and shorter still on whole pixels."""
    if is_whole:
        return "".join([f"M{x:.0f} {y:.0f}h0" for x, y in points])
    return compact("".join([f"M{x:.1f} {y:.1f}h0" for x, y in points]))


def compact(d: str) -> str:
    """Shorten all coordinates of a path, of one decimal place, as ``short`` does, at once to save time."""
    return _WHOLE.sub("", d)


def diamond(x: float, y: float, radius: float) -> str:
    """The attribute ``d`` of a diamond."""
    return path(((x - radius, y), (x, y - radius), (x + radius, y), (x, y + radius)), is_closed=True)


class Axis(NamedTuple):
    """A linear axis: data from ``low`` to ``high`` is drawn from ``start`` to ``end``.

    Attributes:
        low: smallest shown value.
        high: largest shown value, above ``low``.
        start: coordinate of ``low``.
        end: coordinate of ``high`` (smaller than ``start`` for a vertical axis).
    """

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """The coordinate of a value; values beyond an end (infinities too) are placed at that end."""
        inside = self.low if value < self.low else self.high if value > self.high else value
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    def places(self, values: Iterable[float]) -> list[float]:
        """The coordinates of many values."""
        low, high, start, reach = self.low, self.high, self.start, self.end - self.start
        span = high - low
        return [start + ((low if v < low else high if v > high else v) - low) / span * reach for v in values]

    def holds(self, value: float) -> bool:
        """Whether a value is on the axis."""
        return self.low <= value <= self.high

    def ticks(self, most: int) -> list[float]:
        """Round values on the axis, at most ``most`` of them."""
        step = round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        while last - first + 1 > most:
            step = round_step(step * 1.01)
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


def round_step(step: float) -> float:
    """The smallest of 1, 2, 5 × 10^k that is at least ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= step * (1 - 1e-9))


def tick_label(value: float, factor: float = 1.0, digits: int = 4) -> str:
    """The label of a tick in shown units, with a true minus sign and without floating-point errors."""
    text = f"{value * factor:.{digits}g}"
    return "0" if text in ("0", "-0") else text.replace("-", "−")


def tick_labels(ticks: Sequence[float], factor: float = 1.0) -> list[str]:
    """A label for each tick, with enough digits to distinguish neighbours."""
    for digits in range(4, 12):
        labels = [tick_label(tick, factor, digits) for tick in ticks]
        if len(set(labels)) == len(labels):
            break
    return labels


def padded(values: Iterable[float], start: float, end: float, *, pad: float = 0.06) -> Axis:
    """An axis that holds every finite value with some space at both ends; 0 to 1 if there is none."""
    finite = [v for v in values if abs(v) < 1e150]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high), 1e-9):
        span = max(abs(low), abs(high)) * 0.2 or 1.0
    return Axis(low - span * pad, high + span * pad, start, end)
