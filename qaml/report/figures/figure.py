"""Figures of a page: a drawing, a sentence that describes it, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.drawings import CircuitDrawing, Portrait, Roc, Sampling, Scatter, TrainingCurve
from qaml.outcome.outcome import CellValue, Outcome
from qaml.outcome.record import Interval
from qaml.report.figures import captions, circuit, curves, forest, portrait, probabilities, roc, sampling, sweep
from qaml.report.figures.accents import Accent
from qaml.report.figures.data import Data, Value, data
from qaml.report.text import sentences
from qaml.report.text.marks import words
from qaml.report.text.numbers import Style, metric_style, show_estimate, style_of

_shared = lru_cache(maxsize=4096)
"""Caches drawings, since claims of a suite share models and their drawings."""
INTERVAL = ("value", "low", "high", "n_seeds", "n_images", "per_seed")


class Figure(NamedTuple):
    """A drawing, a sentence that describes it, its heading, and its numbers."""

    drawing: Markup
    sentence: str
    heading: str
    data: Data


def interval(estimate: Interval) -> tuple[Value, ...]:
    """The values of the columns ``INTERVAL``."""
    per_seed = " ".join(f"{value:.6g}" for value in estimate.per_seed)
    return (estimate.value, estimate.low, estimate.high, estimate.n_seeds, estimate.n_images, per_seed)


def of_measured(outcome: Outcome) -> Figure | None:
    """The claim's own numbers as a forest plot; ``None`` if it has none."""
    if not outcome.measured:
        return None
    style = style_of(outcome)
    lines = forest.verdict_lines(outcome.measured, style, outcome.verdict)
    sentence = sentences.forest_sentence(outcome)
    axis = forest.measured_axis(outcome.measured, style)
    drawing = forest.large(lines, axis, style, f"Forest plot: {outcome.statement}", sentence)
    rows = [(m.label, *interval(m.estimate), m.at_least, m.at_most, m.paper) for m in outcome.measured]
    header = ("label", *INTERVAL, "at_least", "at_most", "paper")
    return Figure(drawing, sentence, "", data(f"{outcome.id}-measured", header, rows))


def of_cells(name: str, cells: Sequence[CellValue], accents: Mapping[str, Accent]) -> tuple[Figure, ...]:
    """One forest plot for each metric and protocol among the cells."""
    groups: dict[tuple[str, str], list[CellValue]] = {}
    for cell in cells:
        groups.setdefault((cell.metric, cell.protocol), []).append(cell)
    figures = []
    for (metric, protocol), group in groups.items():
        style = metric_style(metric)
        heading = f"{words(metric)}, {words(protocol)}"
        sentence = cell_sentence(group, style)
        drawing = forest.large(
            forest.cell_lines(group, accents), forest.cell_axis(group, style), style, heading, sentence
        )
        figures.append(Figure(drawing, sentence, heading, cell_data(f"{name}-{metric}-{protocol}", group)))
    return tuple(figures)


def cell_data(name: str, cells: Sequence[CellValue]) -> Data:
    """The cells as a table, with all fields in which they can differ."""
    header = ("label", "model", "attack", "made_on", "metric", "protocol", "epsilon", *INTERVAL, "paper")
    rows = []
    for c in cells:
        named = (c.label, c.model, " + ".join(c.attack), c.surrogate, c.metric, c.protocol, c.epsilon)
        rows.append((*named, *interval(c.estimate), c.paper))
    return data(name, header, rows)


def cell_sentence(cells: Sequence[CellValue], style: Style) -> str:
    """A sentence about the lowest and the highest cell, and the models that transferred attacks were made on."""
    ranked = sorted((c for c in cells if c.estimate.value == c.estimate.value), key=lambda c: c.estimate.value)
    if not ranked:
        return "None of these cells has a value."
    low, high = (show_estimate(c.estimate, style).value for c in (ranked[0], ranked[-1]))
    surrogates = dict.fromkeys(c.surrogate for c in cells if c.surrogate)
    made_on = f" Transferred attacks were made on {sentences.listing(list(surrogates))}." if surrogates else ""
    if len(ranked) == 1:
        return f"{ranked[0].label}: {sentences.with_unit(high, style.word)}.{made_on}"
    return (
        f"From {sentences.with_unit(low, style.word)} ({ranked[0].label})"
        f" to {sentences.with_unit(high, style.word)} ({ranked[-1].label}).{made_on}"
    )


def of_panel(name: str, panel: curves.Panel, looks: Sequence[Accent], *, is_of_one_model: bool = False) -> Figure:
    """A figure of curves over epsilon on one pair of axes, with a look for each curve."""
    sentence = captions.curve_sentence(panel)
    title = f"{words(panel.metric)} over epsilon" + (f", {panel.name}" if panel.name else "")
    rows = [
        (c.model, curves.name_of(c), c.metric, *numbers)
        for c in panel.curves
        for numbers in zip(c.epsilons, c.values, c.lows, c.highs, strict=False)
    ]
    header = ("model", "attack", "metric", "epsilon", "value", "low", "high")
    drawing = curves.draw(panel, looks, title, sentence, is_of_one_model=is_of_one_model)
    return Figure(drawing, sentence, title, data(f"{name}-{title}", header, rows))


@_shared
def of_training(curve: TrainingCurve, accent: Accent) -> Figure:
    """A figure of a training curve; its table has a column for each line."""
    sentence = captions.training_sentence(curve)
    line = "layer" if curve.has_layers else "seed"
    epochs = curves.epochs_of(curve)
    rows = [(epoch, *(seed[i] if i < len(seed) else None for seed in curve.seeds)) for i, epoch in enumerate(epochs)]
    header = ("epoch", *(f"{line} {number}" for number in range(len(curve.seeds))))
    drawing = curves.draw_training(curve, accent, f"{curve.model}: {words(curve.name)}", sentence)
    return Figure(drawing, sentence, curve.model, data(f"{curve.model}-{curve.name}", header, rows))


def of_sweep(outcome: Outcome) -> Figure | None:
    """A figure of a trend's cells in their order; ``None`` for other claims."""
    swept = sweep.cells(outcome)
    if len(swept) < 2:
        return None
    sentence = sweep.sentence(swept)
    drawing = sweep.draw(swept, outcome.statement, sentence)
    return Figure(drawing, sentence, "", cell_data(f"{outcome.id}-sweep", swept))


@_shared
def of_scatter(each: Portrait, scatter: Scatter) -> Figure:
    """A figure of test examples as points."""
    sentence = portrait.sentence(each, scatter)
    rows = [
        (state, *numbers)
        for state, points, correct in (
            ("clean", scatter.clean, each.clean_correct),
            ("attacked", scatter.attacked or ((), ()), each.attacked_correct),
        )
        for numbers in zip(each.labels, correct, *points, strict=False)
    ]
    header = ("state", "label", "is_correct", scatter.x_name, scatter.y_name)
    drawing = portrait.draw(each, scatter, sentence)
    return Figure(drawing, sentence, scatter.title, data(f"{each.model}-{scatter.title}", header, rows))


@_shared
def of_circuit(each: CircuitDrawing) -> Figure:
    """A figure of a circuit; its table has gates, their wires, and the features in their angles."""
    sentence = circuit.sentence(each)
    features = each.features or ("",) * len(each.gates)
    rows = [
        (gate.removeprefix("~"), float(gate.startswith("~")), held)
        for gate, held in zip(each.gates, features, strict=True)
    ]
    values = data(f"{each.model}-circuit", ("gate and wires", "is_drawn", "features"), rows)
    return Figure(circuit.draw(each, sentence), sentence, each.model, values)


@_shared
def of_sampling(each: Sampling) -> tuple[Figure, ...]:
    """Figures of a sampler's second moments, and of its free energies if they were recorded."""
    sentence = sampling.sentence(each)
    moments = zip(each.true_moments, each.moments, strict=False)
    values = data(f"{each.model}-moments", ("machine", "sampler"), moments)
    figures = [Figure(sampling.draw(each, sentence), sentence, "moments", values)]
    if each.energies:
        sentence = sampling.energy_sentence(each)
        bins = zip(each.energy_edges, each.energy_edges[1:], each.true_energies, each.energies, strict=False)
        values = data(f"{each.model}-energies", ("from", "to", "machine", "sampler"), bins)
        figures.append(Figure(sampling.draw_energies(each, sentence), sentence, "free energies", values))
    return tuple(figures)


def of_roc(name: str, curve: Roc) -> Figure:
    """A figure of a detector's rates over its thresholds."""
    sentence = roc.sentence(curve)
    heading = f"Detector {curve.detector}"
    rows = [(p.threshold, p.true_positives, p.false_positives) for p in roc.points(curve)]
    values = data(f"{name}-{curve.detector}-roc", ("threshold", "true_positives", "false_positives"), rows)
    return Figure(roc.draw(curve, f"{heading}: true over false positives", sentence), sentence, heading, values)


def of_course(name: str, course: probabilities.Course, made_on: str, accent: Accent) -> Figure:
    """A figure of an image's class probabilities over epsilon; its table has a column for each class."""
    sentence = probabilities.sentence(course)
    title = f"{course.model}: class probabilities over epsilon, {made_on}"
    along = course.along
    rows = [(epsilon, *row) for epsilon, row in zip(along.epsilons, along.values, strict=False)]
    values = data(f"{name}-{course.model}-probabilities", ("epsilon", *along.classes), rows)
    return Figure(probabilities.draw(course, accent, title, sentence), sentence, course.model, values)
