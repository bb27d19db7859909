"""Captions of figures: sentences computed from the numbers that a figure shows."""

from __future__ import annotations

import math
from statistics import median

from qaml.outcome.drawings import Strip, TrainingCurve
from qaml.outcome.outcome import ReportedValues
from qaml.report.figures.curves import Panel, name_of
from qaml.report.text.marks import words
from qaml.report.text.numbers import count, format_epsilon, format_number, format_value, metric_style


def curve_sentence(panel: Panel) -> str:
    """A sentence about the fall of each model over its budgets, and the models that keep most and least."""
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
    """A sentence about the last values of the seeds, and about a seed that differs from the others."""
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
    """A sentence about how many of the shown images change their label, and the size of the perturbations."""
    n = len(strip.pictures)
    flipped = sum(p.adversarial_label != p.clean_label for p in strip.pictures)
    norms = [p.norm for p in strip.pictures if math.isfinite(p.norm)]
    size = f"; median norm of the perturbation {median(norms):.3g}" if norms else ""
    return f"The attack changes the label of {flipped} of {count(n, 'image')} shown{size}."


def table_sentence(table: ReportedValues) -> str:
    """A sentence about how many of the paper's cells were measured, how many agree, and the largest difference."""
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
