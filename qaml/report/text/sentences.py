"""Sentences computed from numbers: the verdict in words, and descriptions of figures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from qaml.outcome.outcome import Measurement, Outcome
from qaml.report.text.numbers import Shown, Style, count, format_number, format_scale, has_interval, show, style_of
from qaml.vocab import VERDICTS


def verdict_numbers(outcome: Outcome) -> str:
    """The numbers of a verdict: ``+12.4 points, 95 % interval 8.1 to 16.9, needed ≥ 5; 5 seeds × 1,000 images``."""
    if not outcome.measured:
        return "nothing was measured"
    first = outcome.measured[0]
    shown = show(first, style_of(outcome))
    text = with_unit(shown.value, shown.unit)
    text += f", 95 % interval {shown.low} to {shown.high}" if shown.low else ", no interval"
    text += f", needed {shown.needed}" if shown.needed else ""
    return f"{text}; {format_scale(first.estimate)}"


def reason_beyond_numbers(outcome: Outcome) -> str:
    """The outcome's reason without the numbers that ``verdict_numbers`` shows (perhaps with other decimal places)."""
    return outcome.reason if outcome.beyond is None else outcome.beyond


def with_unit(value: str, unit: str) -> str:
    """A number followed by its unit."""
    return f"{value} {unit}" if unit else value


def with_interval(shown: Shown) -> str:
    """A value with its unit and, if it has one, its interval."""
    return f"{with_unit(shown.value, shown.unit)} {shown.interval}".rstrip()


def needed_sentence(measurement: Measurement, style: Style) -> str:
    """The facts that a row of a forest plot shows in addition to the numbers next to it; empty if there are none."""
    needed = show(measurement, style).needed
    return f"needed {needed}" if needed else ""


def forest_sentence(outcome: Outcome) -> str:
    """A sentence that compares the deciding interval with the threshold, and the paper's value with the interval."""
    if not outcome.measured:
        return "No number of this claim could be measured."
    style, first = style_of(outcome), outcome.measured[0]
    sentences = [_against_threshold(first, style), _against_paper(first, style)]
    if outcome.verdict == "invalid":
        sentences.append("The measurement is invalid, so this decides nothing.")
    if len(outcome.measured) > 1:
        sentences.insert(0, "The first row decided.")
        away = sum(1 for m in outcome.measured if m.paper is not None and not _is_inside(m, m.paper))
        known = sum(1 for m in outcome.measured if m.paper is not None)
        if known:
            sentences.append(f"{away:,} of the paper's {known:,} values lie outside our intervals.")
    return " ".join(s for s in sentences if s)


def _against_threshold(measurement: Measurement, style: Style) -> str:
    estimate, low, high = measurement.estimate, measurement.at_least, measurement.at_most
    shown = show(measurement, style)
    if not has_interval(estimate) or (low is None and high is None):
        return f"Here: {with_unit(shown.value, shown.unit)} {shown.interval}".rstrip() + "."
    floor = -math.inf if low is None else low
    ceiling = math.inf if high is None else high
    needed = f"what the claim needs ({shown.needed})"
    if estimate.low >= floor and estimate.high <= ceiling:
        return f"The whole interval lies within {needed}."
    if estimate.high < floor or estimate.low > ceiling:
        return f"The whole interval lies outside {needed}."
    return f"The interval reaches across the edge of {needed}."


def _is_inside(measurement: Measurement, value: float) -> bool:
    return measurement.estimate.low <= value <= measurement.estimate.high


def _against_paper(measurement: Measurement, style: Style) -> str:
    paper, estimate = measurement.paper, measurement.estimate
    if paper is None or not math.isfinite(paper) or not has_interval(estimate):
        return ""
    shown = show(measurement, style)
    if _is_inside(measurement, paper):
        return f"The paper's {shown.paper} lies inside it."
    distance = abs(paper - estimate.value) * style.factor
    if not math.isfinite(distance):
        return f"The paper's {shown.paper} lies outside it."
    places = 1 if style.unit == "points" else 2
    unit = " points" if style.unit == "points" else ""
    side = "above" if paper > estimate.value else "below"
    return f"The paper's {shown.paper} lies outside it, {format_number(distance, places)}{unit} {side} ours."


def suite_sentence(members: Sequence[Outcome]) -> str:
    """A sentence with the numbers of a paper's claims with each verdict, and of those that a finding weakens."""
    n = len(members)
    if not n:
        return "No claim was judged."
    counts = Counter(outcome.verdict for outcome in members)
    parts = [f"{counts[v]:,} {'are' if counts[v] != 1 else 'is'} {v}" for v in VERDICTS if counts[v] and v != "invalid"]
    if counts["invalid"]:
        parts.append(f"{counts['invalid']:,} cannot be decided")
    surprises = sum(not outcome.is_as_expected for outcome in members)
    expected = f"{surprises:,} not as expected" if surprises else "as expected"
    return f"Of {count(n, 'claim')} {listing(parts)}; {expected}."


def listing(names: Sequence[str]) -> str:
    """Names as a list in words: ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
