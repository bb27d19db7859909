"""Sentences computed from numbers: the verdict in words, and what to see in each figure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

from qaml.judge.drawings import Strip, TrainingCurve
from qaml.judge.outcome import Measurement, Outcome, ReportedValues
from qaml.report.curves import Panel, name_of
from qaml.report.marks import words
from qaml.report.numbers import (
    Shown,
    Style,
    count,
    format_epsilon,
    format_number,
    format_scale,
    format_value,
    has_interval,
    metric_style,
    show,
    style_of,
)
from qaml.vocab import VERDICTS

_NUMBER = r"[+−]?[\d∞][\d.,]*"
_SCALE = rf"(?:{_NUMBER} images, )?{_NUMBER} seeds?(?: × {_NUMBER} images|, so of this trained model)?"
_REPEATED = re.compile(
    rf"(?:(?P<label>.*): )?(?:(?P<paper>the paper's \S+(?: points| %)?) against ours )?{_NUMBER}(?: points| %)?, "
    rf"(?:95 % (?:prediction )?interval .+? to .+?|no interval)(?:, needed [^;]+?)?(?:; (?P<remark>.+?))?; {_SCALE}"
    r"(?: \((?P<more>.*)\))?",
    re.DOTALL,
)
"""A reason that holds the numbers of ``verdict_numbers``, perhaps to another place."""


def verdict_numbers(outcome: Outcome) -> str:
    """``+12.4 points, 95 % interval 8.1 to 16.9, needed ≥ 5; 5 seeds × 1,000 images``."""
    if not outcome.measured:
        return "nothing was measured"
    first = outcome.measured[0]
    shown = show(first, style_of(outcome))
    text = with_unit(shown.value, shown.unit)
    text += f", 95 % interval {shown.low} to {shown.high}" if shown.low else ", no interval"
    text += f", needed {shown.needed}" if shown.needed else ""
    return f"{text}; {format_scale(first.estimate)}"


def reason_beyond_numbers(outcome: Outcome) -> str:
    """The outcome's reason without the numbers that ``verdict_numbers`` has said (perhaps to another place)."""
    repeated = _REPEATED.fullmatch(outcome.reason)
    if not repeated:
        return outcome.reason
    beside = ", ".join(filter(None, (repeated["paper"], repeated["more"])))
    more = "; ".join(filter(None, (repeated["remark"], beside)))
    return f"{repeated['label']}: {more}" if repeated["label"] and more else more


def with_unit(value: str, unit: str) -> str:
    """A number followed by its unit."""
    return f"{value} {unit}" if unit else value


def with_interval(shown: Shown) -> str:
    """A value with its unit and, where it has one, its interval."""
    return f"{with_unit(shown.value, shown.unit)} {shown.interval}".rstrip()


def needed_sentence(measurement: Measurement, style: Style) -> str:
    """What a row of a forest plot shows beside the numbers that stand next to it: empty if that is nothing."""
    needed = show(measurement, style).needed
    return f"needed {needed}" if needed else ""


def forest_sentence(outcome: Outcome) -> str:
    """Where the deciding interval lies against the threshold, and where the paper lies against the interval."""
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


def curve_sentence(panel: Panel) -> str:
    """How far each model falls from its smallest to its largest budget; the models that keep most and least."""
    falls = []
    for curve in panel.curves:
        points = [
            (e, v) for e, v in zip(curve.epsilons, curve.values, strict=False) if math.isfinite(e) and not math.isnan(v)
        ]
        if points:
            falls.append((points[-1][1], f"{curve.model} ({name_of(curve)})", points[0], points[-1]))
    if not falls:
        return f"No value of {words(panel.metric)} could be measured."
    falls.sort(key=lambda f: f[0])
    chosen = falls if len(falls) <= 2 else [falls[0], falls[-1]]
    parts = [
        f"{name} goes from {format_value(first[1], panel.metric)} at ε = {format_epsilon(first[0])}"
        f" to {format_value(last[1], panel.metric)} at ε = {format_epsilon(last[0])}"
        for _, name, first, last in chosen
    ]
    lead = f"Of {len(falls)} curves the lowest and the highest end: " if len(falls) > 2 else ""
    return f"{lead}{'; '.join(parts)}. {_marks(panel)}".rstrip()


def _marks(panel: Panel) -> str:
    marks = ["bands are 95 % intervals"]
    if any(c.is_worst_case for c in panel.curves):
        marks.append("the thick line is the worst case over the attacks named")
    if panel.paper:
        marks.append("diamonds are the paper's")
    text = ", ".join(marks)
    return f"{text[0].upper()}{text[1:]}."


def training_sentence(curve: TrainingCurve) -> str:
    """Where the seeds end, and whether one of them stands apart."""
    ends = [seed[-1] for seed in curve.seeds if seed and math.isfinite(seed[-1])]
    if not ends:
        return f"{curve.model}: no finite {words(curve.name)} was recorded."
    epochs = int(curve.epochs[-1]) if curve.epochs else max(len(seed) for seed in curve.seeds)
    at = f"after {count(epochs, 'epoch')}"
    broken = len(curve.seeds) - len(ends)
    lost = f"; {count(broken, 'seed')} ended without a finite value" if broken else ""
    if len(ends) == 1:
        of = "the mean of all seeds" if curve.has_layers else "one seed"
        return f"{words(curve.name)} {at}: {ends[0]:.3g} ({of}){lost}."
    low, high = f"{min(ends):.3g}".replace("-", "−"), f"{max(ends):.3g}".replace("-", "−")
    spread = f"{low} in all {len(ends)} seeds" if low == high else f"{low} to {high} over {len(ends)} seeds"
    if curve.has_layers:
        return f"|{words(curve.name)}| {at}: {low} to {high} over {count(len(ends), 'layer')}, the mean of all seeds."
    return f"{words(curve.name)} {at}: {spread}{lost}."


def strip_sentence(strip: Strip) -> str:
    """How many of the shown images change their label, and by how large a perturbation."""
    n = len(strip.pictures)
    flipped = sum(p.adversarial_label != p.clean_label for p in strip.pictures)
    norms = [p.norm for p in strip.pictures if math.isfinite(p.norm)]
    size = f"; median norm of the perturbation {median(norms):.3g}" if norms else ""
    return f"The attack changes the label of {flipped} of {count(n, 'image')} shown{size}."


def table_sentence(table: ReportedValues) -> str:
    """How many of the paper's cells we measured, how many agree, and the largest gap."""
    measured = [(c, c.ours) for c in table.cells if c.ours is not None and math.isfinite(c.ours.value)]
    known = [(c, o) for c, o in measured if math.isfinite(c.paper)]
    if not known:
        return f"None of the {len(table.cells)} cells was measured."
    inside = sum(o.low <= c.paper <= o.high for c, o in known)
    style = metric_style(table.metric)
    cell, ours = max(known, key=lambda pair: abs(pair[0].paper - pair[1].value))
    gap = format_number((ours.value - cell.paper) * style.factor, 1 if style.unit == "points" else 2, is_signed=True)
    unit = " points" if style.unit == "points" else ""
    return (
        f"{len(known)} of {count(len(table.cells), 'cell')} measured;"
        f" the paper's value lies in our interval in {inside}. "
        f"The largest gap is {cell.model} under {cell.attack}: {gap}{unit} here."
    )


def suite_sentence(members: Sequence[Outcome]) -> str:
    """How many of a paper's claims have which verdict, and how many of them a check weakens."""
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
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
