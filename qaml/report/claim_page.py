"""What a claim's page shows, worked out before any markup, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from qaml.judge.outcome import (
    CellValue,
    CircuitDrawing,
    EmbeddingDrawing,
    Finding,
    Outcome,
    Picture,
    Portrait,
    Roc,
    Sampling,
    Strip,
)
from qaml.report import circuit, curves, forest, portrait, probabilities, roc, sampling, sentences, sweep
from qaml.report.caveats import caveats
from qaml.report.marks import Accent, words
from qaml.report.numbers import MISSING, Style, format_epsilon, metric_style, show_estimate, style_of
from qaml.report.origin import origin

_ORDER = {"void": 0, "weak": 1, "note": 2}


class Figure(NamedTuple):
    """A drawing, and the sentence that says what to see in it."""

    drawing: Markup
    sentence: str
    heading: str = ""


class PictureView(NamedTuple):
    """One column of a strip."""

    files: tuple[tuple[str, str], ...]
    """Clean, adversarial, perturbation: address and alternative text."""
    clean: str
    adversarial: str
    norm: str
    low_frequency: str
    """Empty where it is not known."""
    is_flipped: bool
    true_label: str


class StripView(NamedTuple):
    """A strip with its heading."""

    heading: str
    caption: str
    sentence: str
    pictures: tuple[PictureView, ...]


class PortraitView(NamedTuple):
    """Panels of one model under one attack."""

    heading: str
    figures: tuple[Figure, ...]
    key: str


class GroupView(NamedTuple):
    """Small figures that belong side by side; each heading names a model."""

    heading: str
    figures: tuple[Figure, ...]


class EmbeddingView(NamedTuple):
    """The picture of an embedding."""

    model: str
    address: str
    sentence: str


class ClaimView(NamedTuple):
    """Everything on a claim's page."""

    outcome: Outcome
    numbers: str
    reason: str
    caveats: tuple[str, ...]
    raised: tuple[Finding, ...]
    unassessed: tuple[Finding, ...]
    main: Figure | None
    cells: tuple[Figure, ...]
    curves: tuple[Figure, ...]
    rocs: tuple[Figure, ...]
    strips: tuple[StripView, ...]
    probabilities: tuple[GroupView, ...]
    training: tuple[Figure, ...]
    sweep: Figure | None
    portraits: tuple[PortraitView, ...]
    circuits: tuple[Figure, ...]
    samplings: tuple[GroupView, ...]
    samplers: tuple[tuple[str, tuple[str, ...]], ...]
    """Model and numbers, a row of the table of samplers each."""
    embeddings: tuple[EmbeddingView, ...]


def claim_view(outcome: Outcome, accents: dict[str, Accent]) -> ClaimView:
    """Work out a claim's page."""
    findings = sorted(outcome.findings, key=lambda f: _ORDER[f.severity])
    return ClaimView(
        outcome,
        sentences.verdict_numbers(outcome),
        sentences.reason_beyond_numbers(outcome),
        caveats(outcome),
        tuple(f for f in findings if f.assessed),
        tuple(f for f in findings if not f.assessed),
        _main(outcome),
        _cells(_behind(outcome), accents),
        tuple(_curves(panel, accents) for panel in curves.panels(outcome.curves, outcome.cells)),
        tuple(_roc(curve) for curve in outcome.rocs),
        tuple(_strip(strip) for strip in outcome.strips if strip.pictures),
        tuple(_probabilities(group, accents) for group in probabilities.groups(outcome.strips)),
        _training(outcome, accents),
        _sweep(outcome),
        tuple(_portrait(each) for each in outcome.portraits),
        tuple(_circuit(each) for each in outcome.circuits),
        tuple(_sampling(each) for each in outcome.samplings),
        tuple((each.model, sampling.row(each)) for each in outcome.samplings),
        tuple(_embedding(each) for each in outcome.embeddings),
    )


def _main(outcome: Outcome) -> Figure | None:
    if not outcome.measured:
        return None
    style = style_of(outcome)
    lines = forest.verdict_lines(outcome.measured, style, outcome.verdict)
    sentence = sentences.forest_sentence(outcome)
    axis = forest.measured_axis(outcome.measured, style)
    return Figure(forest.large(lines, axis, style, f"Forest plot: {outcome.statement}", sentence), sentence)


def _behind(outcome: Outcome) -> tuple[CellValue, ...]:
    """The cells that enter the claim's numbers, none where these are the cells themselves."""
    own = {m.estimate for m in outcome.measured}
    return () if all(c.estimate in own for c in outcome.cells) else outcome.cells


def _cells(cells: Sequence[CellValue], accents: dict[str, Accent]) -> tuple[Figure, ...]:
    """One forest plot for each metric and protocol among the cells."""
    groups: dict[tuple[str, str], list[CellValue]] = {}
    for cell in cells:
        groups.setdefault((cell.metric, cell.protocol), []).append(cell)
    figures = []
    for (metric, protocol), group in groups.items():
        style = metric_style(metric)
        heading = f"{words(metric)}, {words(protocol)}"
        sentence = _cell_sentence(group, style)
        axis = forest.cell_axis(group, style)
        drawing = forest.large(forest.cell_lines(group, accents), axis, style, heading, sentence)
        figures.append(Figure(drawing, sentence, heading))
    return tuple(figures)


def _cell_sentence(cells: Sequence[CellValue], style: Style) -> str:
    ranked = sorted((c for c in cells if c.estimate.value == c.estimate.value), key=lambda c: c.estimate.value)
    if not ranked:
        return "None of these cells has a value."
    unit = style.word
    low, high = (show_estimate(c.estimate, style).value for c in (ranked[0], ranked[-1]))
    surrogates = dict.fromkeys(c.surrogate for c in cells if c.surrogate)
    made_on = f" Transferred attacks were made on {sentences.listing(list(surrogates))}." if surrogates else ""
    if len(ranked) == 1:
        return f"{ranked[0].label}: {sentences.with_unit(high, unit)}.{made_on}"
    return (
        f"From {sentences.with_unit(low, unit)} ({ranked[0].label}) to {sentences.with_unit(high, unit)}"
        f" ({ranked[-1].label}).{made_on}"
    )


def _curves(panel: curves.Panel, accents: dict[str, Accent]) -> Figure:
    sentence = sentences.curve_sentence(panel)
    title = f"{words(panel.metric)} over epsilon" + (f", {panel.name}" if panel.name else "")
    return Figure(curves.draw(panel, accents, title, sentence), sentence, title)


def _training(outcome: Outcome, accents: dict[str, Accent]) -> tuple[Figure, ...]:
    figures = []
    for curve in outcome.training:
        sentence = sentences.training_sentence(curve)
        title = f"{curve.model}: {words(curve.name)}"
        figures.append(
            Figure(curves.draw_training(curve, accents[curve.model], title, sentence), sentence, curve.model)
        )
    return tuple(figures)


def _sweep(outcome: Outcome) -> Figure | None:
    swept = sweep.cells(outcome)
    if len(swept) < 2:
        return None
    sentence = sweep.sentence(swept)
    return Figure(sweep.draw(swept, outcome.statement, sentence), sentence)


def _portrait(each: Portrait) -> PortraitView:
    made = origin(each.model, each.attack, each.surrogate or each.model)
    attack = each.attack if made.model == each.model else made.words
    figures = []
    for scatter in each.scatters:
        sentence = portrait.sentence(each, scatter)
        figures.append(Figure(portrait.draw(each, scatter, sentence), sentence, scatter.title))
    heading = f"{each.model} under {attack}, ε = {format_epsilon(each.epsilon)}"
    return PortraitView(heading, tuple(figures), portrait.key(each))


def _circuit(each: CircuitDrawing) -> Figure:
    sentence = circuit.sentence(each)
    return Figure(circuit.draw(each, sentence), sentence, each.model)


def _sampling(each: Sampling) -> GroupView:
    sentence = sampling.sentence(each)
    figures = [Figure(sampling.draw(each, sentence), sentence, "moments")]
    if each.energies:
        sentence = sampling.energy_sentence(each)
        figures.append(Figure(sampling.draw_energies(each, sentence), sentence, "free energies"))
    return GroupView(each.model, tuple(figures))


def _embedding(each: EmbeddingDrawing) -> EmbeddingView:
    return EmbeddingView(each.model, address(each.file), sampling.embedding_sentence(each))


def _roc(curve: Roc) -> Figure:
    sentence = roc.sentence(curve)
    heading = f"Detector {curve.detector}"
    return Figure(roc.draw(curve, f"{heading}: true over false positives", sentence), sentence, heading)


def _probabilities(group: probabilities.Group, accents: dict[str, Accent]) -> GroupView:
    figures = []
    for course in group.courses:
        sentence = probabilities.sentence(course)
        title = f"{course.model}: class probabilities over epsilon, {group.origin.words}"
        drawing = probabilities.draw(course, accents[course.model], title, sentence)
        figures.append(Figure(drawing, sentence, course.model))
    first = group.courses[0]
    return GroupView(
        f"An image of {first.true_label} (test image {first.along.image}), {group.origin.words}", tuple(figures)
    )


def _strip(strip: Strip) -> StripView:
    made = origin(strip.model, strip.attack, strip.surrogate or strip.model)
    attack = strip.attack if made.model == strip.model else made.words
    heading = f"{strip.model} under {attack}, ε = {format_epsilon(strip.epsilon)}"
    pictures = tuple(_picture(picture) for picture in strip.pictures)
    return StripView(heading, strip.caption, sentences.strip_sentence(strip), pictures)


def _picture(picture: Picture) -> PictureView:
    clean = f"{picture.clean_label} {_percent(picture.clean_confidence)}"
    adversarial = f"{picture.adversarial_label} {_percent(picture.adversarial_confidence)}"
    files = (
        (address(picture.clean), f"clean image of {picture.true_label}, predicted {clean}"),
        (address(picture.adversarial), f"adversarial image, predicted {adversarial}"),
        (
            address(picture.perturbation),
            f"perturbation of norm {_norm(picture.norm)}, diverging colours, zero in the middle",
        ),
    )
    is_flipped = picture.adversarial_label != picture.true_label
    low = "" if picture.low_frequency is None else _percent(picture.low_frequency)
    return PictureView(files, clean, adversarial, _norm(picture.norm), low, is_flipped, picture.true_label)


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %") if share == share else MISSING


def _norm(norm: float) -> str:
    return f"{norm:.3g}" if norm == norm else MISSING


def address(file: str) -> str:
    """A media file's address as seen from a claim's page: always below the report's folder, never a scheme."""
    return "../../" + quote(file.replace("\\", "/").lstrip("/").encode("utf-8", "replace"))
