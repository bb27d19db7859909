"""The little of SVG that our figures need: escaped elements, short coordinates, and a linear axis with round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from qaml.report.text import clean


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element; a trailing underscore of an attribute is dropped, others become hyphens, None leaves it out.

    Children that are plain strings are escaped, ``Markup`` is kept.
    """
    inside = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    content = "".join(escape(child if isinstance(child, Markup) else clean(child)) for child in children)
    return Markup(f"<{name}{inside}>{content}</{name}>" if content else f"<{name}{inside}/>")


def _attribute(key: str, value: str | float) -> str:
    text = clean(value) if isinstance(value, str) else short(value)
    return f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"'


def join(parts: Iterable[str]) -> Markup:
    """Elements one after the other."""
    return Markup("").join(parts)


def short(value: float) -> str:
    """A coordinate with at most one decimal place."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def path(points: Iterable[tuple[float, float]], *, is_closed: bool = False) -> str:
    """The ``d`` of a polyline."""
    body = "L".join(f"{short(x)} {short(y)}" for x, y in points)
    return f"M{body}{'Z' if is_closed else ''}" if body else ""


def dots(points: Iterable[tuple[float, float]]) -> str:
    """The ``d`` of dots drawn by round line caps: far shorter than a circle each."""
    return "".join(f"M{short(x)} {short(y)}h0" for x, y in points)


def diamond(x: float, y: float, radius: float) -> str:
    """The ``d`` of a diamond."""
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
        """The coordinate of a value; values beyond the ends (infinities too) stand at the end."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Whether a value lies on the axis."""
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
    """A tick in shown units, with a true minus sign and no floating dust."""
    text = f"{value * factor:.{digits}g}"
    return "0" if text in ("0", "-0") else text.replace("-", "−")


def tick_labels(ticks: Sequence[float], factor: float = 1.0) -> list[str]:
    """A label for each tick, with the digits that tell neighbours apart."""
    for digits in range(4, 12):
        labels = [tick_label(tick, factor, digits) for tick in ticks]
        if len(set(labels)) == len(labels):
            break
    return labels


def padded(values: Iterable[float], start: float, end: float, *, pad: float = 0.06) -> Axis:
    """An axis that holds every finite value with a little room; 0 to 1 where there is none."""
    finite = [v for v in values if abs(v) < 1e150]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high), 1e-9):
        span = max(abs(low), abs(high)) * 0.2 or 1.0
    return Axis(low - span * pad, high + span * pad, start, end)
