"""Numbers in sentences: percentage points with their interval, and what was needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from qaml.claims.base import Decision, Estimate, Measured
from qaml.vocab import Verdict

Notation = Literal["percent", "points", "plain"]
"""A share in percent, a difference of shares in points, or the number itself."""


def number(value: float, unit: Notation, *, signed: bool = False) -> str:
    """One number without its unit: tenths of a point, or three significant digits."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    sign = "+" if signed else ""
    text = f"{value:{sign}.3g}" if unit == "plain" else f"{100 * value:{sign}.1f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def threshold(value: float, unit: Notation) -> str:
    """A threshold without superfluous zeros."""
    text = f"{value:.6g}" if unit == "plain" else f"{100 * value:.6g}"
    return text.replace("-", "−")


def needed(at_least: float | None, at_most: float | None, unit: Notation) -> str:
    """The range that an estimate was compared with: ``≥ 5``, ``≤ 2`` or ``between −2 and 2``."""
    if at_least is not None and at_most is not None:
        return f"between {threshold(at_least, unit)} and {threshold(at_most, unit)}"
    return f"≥ {threshold(at_least, unit)}" if at_least is not None else f"≤ {threshold(at_most or 0.0, unit)}"


def with_interval(estimate: Estimate, unit: Notation) -> str:
    """``+12.4 points, 95 % interval 8.1 to 16.9``."""
    value = number(estimate.value, unit, signed=unit == "points")
    word = {"percent": " %", "points": " points", "plain": ""}[unit]
    ends = f"{number(estimate.low, unit)} to {number(estimate.high, unit)}"
    return f"{value}{word}, {100 * estimate.level:.0f} % interval {ends}"


def scale(estimate: Estimate) -> str:
    """``5 seeds × 1,000 images``; with one seed it says that the statement is about this trained model."""
    seeds = "1 seed, so of this trained model" if estimate.n_seeds == 1 else f"{estimate.n_seeds} seeds"
    images = f" × {estimate.n_images:,} images" if estimate.n_images else ""
    if estimate.n_seeds == 1:
        return f"{estimate.n_images:,} images, {seeds}" if estimate.n_images else seeds
    return seeds + images


def weakness(estimate: Estimate, unit: Notation) -> str:
    """The remark of a validity finding or of the battery about the estimate, or an empty text."""
    found = [text for text in (_limits(estimate), _battery(estimate, unit), _open(estimate)) if text]
    return "; ".join(found)


def _battery(estimate: Estimate, unit: Notation) -> str:
    """``with the battery at most 44.1``: what is left where its adversarials count, too."""
    if estimate.gap == 0.0:
        return ""
    if estimate.worst_low is not None:
        left = max(estimate.value - estimate.gap, estimate.worst_low)
        return f"with the battery at most {number(left, unit)}, interval from {number(estimate.worst_low, unit)}"
    if estimate.worst_high is not None:
        left = min(estimate.value + estimate.gap, estimate.worst_high)
        return f"with the battery at least {number(left, unit)}, interval to {number(estimate.worst_high, unit)}"
    return ""


def _unfound(measured: Measured, unit: Notation) -> str:
    """The remark where the battery finds nothing more, but on so few images that it decides nothing."""
    estimate, least, most = measured.estimate, measured.at_least, measured.at_most
    if estimate.gap != 0.0 or estimate.is_void or any(estimate.is_unchecked):
        return ""
    low, high = estimate.worst_low, estimate.worst_high
    if low is not None and least is not None and low < least <= estimate.low:
        return f"the battery finds no more, on too few images to rule it out: interval from {number(low, unit)}"
    if high is not None and most is not None and high > most >= estimate.high:
        return f"the battery finds no more, on too few images to rule it out: interval to {number(high, unit)}"
    return ""


def _open(estimate: Estimate) -> str:
    return "the attack was not checked" if any(estimate.is_unchecked) else ""


def _limits(estimate: Estimate) -> str:
    if estimate.is_void:
        return "the measurement is void"
    if estimate.may_be_lower and estimate.may_be_higher:
        return "weak attacks mean that the truth may be lower or higher"
    if estimate.may_be_lower:
        return "a weak attack means that the truth may be lower"
    return "a weak attack means that the truth may be higher" if estimate.may_be_higher else ""


def decision(
    verdict: Verdict, measured: Sequence[Measured], unit: Notation, *, is_named: bool = False, beside: str = ""
) -> Decision:
    """A verdict with its reason: number, interval, what was needed, what weakens it, how much was measured.

    Args:
        verdict: one of the four.
        measured: every estimate, the deciding one first.
        unit: unit of its numbers.
        is_named: whether the reason begins with the label of the deciding estimate.
        beside: a remark in brackets at the end.
    """
    first = measured[0]
    parts = [with_interval(first.estimate, unit)]
    if first.at_least is not None or first.at_most is not None:
        parts.append(f"needed {needed(first.at_least, first.at_most, unit)}")
    unfound = _unfound(first, unit) if verdict in ("invalid", "inconclusive") else ""
    remark = "; ".join(filter(None, (weakness(first.estimate, unit), unfound)))
    name = f"{first.label}: " if is_named else ""
    reason = "; ".join(filter(None, (name + ", ".join(parts), remark, scale(first.estimate))))
    beyond = "; ".join(filter(None, (remark, beside)))
    return Decision(
        verdict, f"{reason} ({beside})" if beside else reason, tuple(measured), f"{name}{beyond}" if beyond else ""
    )
