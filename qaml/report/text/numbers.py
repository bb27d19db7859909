"""Numbers as text for people: units, signs, and only as many digits as the interval justifies."""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from qaml.claims.base import CLAIMS, ClaimPart
from qaml.errors import PartError
from qaml.metrics.table import metric
from qaml.outcome.outcome import Measurement, Outcome
from qaml.outcome.record import Interval
from qaml.vocab import Unit

MISSING = "–"
_MINUS = "−"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Style(NamedTuple):
    """How the numbers of one claim are written.

    Attributes:
        unit: unit of the outcome; ``points`` are shares that are shown times 100.
        is_signed: whether values are differences, so that a positive one has a plus sign.
    """

    unit: Unit
    is_signed: bool

    @property
    def factor(self) -> float:
        """Factor from stored to shown values."""
        return 100.0 if self.unit == "points" else 1.0

    @property
    def word(self) -> str:
        """The unit after a number, empty for norms and plain numbers."""
        if self.unit != "points":
            return ""
        return "points" if self.is_signed else "%"


class Shown(NamedTuple):
    """One measurement as texts, which are empty for missing values."""

    value: str
    low: str
    high: str
    paper: str
    needed: str
    unit: str

    @property
    def interval(self) -> str:
        """The interval as ``[low, high]``."""
        return f"[{self.low}, {self.high}]" if self.low else ""


def style_of(outcome: Outcome) -> Style:
    """How this outcome's measured values are written: differences have a sign."""
    is_negative = any(m.estimate.value < 0 for m in outcome.measured)
    return Style(outcome.unit, claim_kind(outcome.kind).is_signed or is_negative)


@lru_cache
def claim_kind(name: str) -> type[ClaimPart]:
    """The claim kind of this name; the base class with its defaults if the kind's package is not installed."""
    try:
        return CLAIMS.load(name)
    except PartError:
        return ClaimPart


@lru_cache(maxsize=1024)
def metric_style(name: str) -> Style:
    """How a cell of this metric is written: shares in per cent, norms and losses unchanged.

    A name that is not a metric's is one of several accuracies together; a metric whose package is not installed is
    written as a plain number.
    """
    try:
        unit = metric(name).unit
    except PartError:
        unit = "number" if "/" in name else "share"
    return Style("points" if unit == "share" else "plain", False)


def has_interval(estimate: Interval) -> bool:
    """Whether both ends exist (they may be infinite)."""
    return not (math.isnan(estimate.low) or math.isnan(estimate.high))


def decimals(estimate: Interval, style: Style) -> int:
    """Decimal places of a value, in shown units: two significant digits of the interval's half-width.

    Shares never get more than one place unless the interval is narrower than a tenth of a point.
    """
    half = (estimate.high - estimate.low) / 2 * style.factor
    if not math.isfinite(half) or half <= 0:
        return 1 if style.unit == "points" else _places_for_three_digits(estimate.value)
    places = 1 - math.floor(math.log10(half))
    if style.unit == "points":
        return min(max(places, 0), 1 if half >= 0.1 else 2)
    return min(max(places, 0), 6)


def _places_for_three_digits(value: float) -> int:
    if not math.isfinite(value) or value == 0:
        return 1
    return min(max(2 - math.floor(math.log10(abs(value))), 0), 6)


def format_number(value: float | None, places: int, *, is_signed: bool = False) -> str:
    """A number with a true minus sign; ``–`` if it is missing, ``∞`` if it is infinite."""
    if value is None or math.isnan(value):
        return MISSING
    sign = "+" if is_signed and value > 0 else ""
    if math.isinf(value):
        return (sign or _MINUS if is_signed or value < 0 else "") + "∞"
    if abs(value) >= 1e9:
        return f"{sign if value > 0 else _MINUS}{abs(value):.3g}"
    text = f"{abs(value):,.{places}f}"
    is_zero = float(text.replace(",", "")) == 0
    return text if is_zero else (_MINUS if value < 0 else sign) + text


def format_threshold(value: float, style: Style) -> str:
    """A number from a spec, with as many digits as the spec has, at most four."""
    shown = value * style.factor
    if not math.isfinite(shown):
        return format_number(shown, 0)
    return f"{shown:.4g}".replace("-", _MINUS)


def show(measurement: Measurement, style: Style) -> Shown:
    """A measurement as text, with the same number of decimal places for all numbers."""
    estimate = measurement.estimate
    places = decimals(estimate, style)
    low, high = (
        (format_number(x * style.factor, places) for x in (estimate.low, estimate.high))
        if has_interval(estimate)
        else ("", "")
    )
    paper_places = max(places, 1) if style.unit == "points" else places
    paper = "" if measurement.paper is None else _scaled(measurement.paper, paper_places, style)
    value = _scaled(estimate.value, places, style)
    return Shown(value, low, high, paper, _needed(measurement, style), style.word)


def show_estimate(estimate: Interval, style: Style) -> Shown:
    """An interval as text."""
    return show(Measurement(label="", estimate=estimate), style)


def _scaled(value: float, places: int, style: Style) -> str:
    return format_number(value * style.factor, places, is_signed=style.is_signed)


def _needed(measurement: Measurement, style: Style) -> str:
    low, high = measurement.at_least, measurement.at_most
    if low is not None and high is not None:
        return f"{format_threshold(low, style)} to {format_threshold(high, style)}"
    if low is not None:
        return f"≥ {format_threshold(low, style)}"
    return "" if high is None else f"≤ {format_threshold(high, style)}"


def format_value(value: float, metric: str) -> str:
    """One value of a metric without an interval; with its unit if that is per cent."""
    style = metric_style(metric)
    if style.unit == "points":
        return f"{format_number(value * 100, 1)} %"
    return format_number(value, _places_for_three_digits(value))


def format_epsilon(value: float | None) -> str:
    """A budget with up to three digits; ``∞`` for an unlimited attack."""
    if value is None or not math.isfinite(value):
        return "∞" if value is not None and math.isinf(value) else MISSING
    return f"{value:.3g}"


def format_scale(estimate: Interval) -> str:
    """The size of a measurement, such as ``5 seeds × 1,000 images``."""
    seeds = f"{estimate.n_seeds:,} {'seed' if estimate.n_seeds == 1 else 'seeds'}"
    return f"{seeds} × {estimate.n_images:,} images" if estimate.n_images else seeds


def format_duration(seconds: float) -> str:
    """A duration in its two largest units, such as ``2 h 11 min``, ``3 min 20 s`` or ``12 s``."""
    if not math.isfinite(seconds):
        return MISSING
    whole = max(round(seconds), 0)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours:,} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest} s"
    return f"{rest} s" if whole else "under 1 s"


def format_date(iso: str) -> str:
    """A date of ISO 8601 in the form ``20 Nov 2026``; any other text is returned unchanged."""
    try:
        day = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def count(n: int, noun: str, plural: str = "") -> str:
    """A number with its noun, such as ``1 claim`` or ``1,200 claims``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
