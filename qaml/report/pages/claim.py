"""The content of a claim's page, computed before any markup, in reading order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from qaml.findings import FINDINGS
from qaml.outcome.drawings import CircuitDrawing, EmbeddingDrawing, Picture, Portrait, Sampling, Strip, TrainingCurve
from qaml.outcome.outcome import CellValue, Finding, Outcome
from qaml.report.figures import captions, curves, portrait, probabilities, sampling
from qaml.report.figures import figure as figures
from qaml.report.figures.accents import Accent
from qaml.report.figures.courses import Earlier
from qaml.report.figures.figure import Figure
from qaml.report.text import sentences
from qaml.report.text.numbers import MISSING, format_epsilon
from qaml.report.text.origin import origin

SECTIONS = {
    "weaknesses": "What weakens it",
    "number": "The measured number",
    "curves": "Accuracy over the budget",
    "sweep": "Along the sweep",
    "rocs": "Detection",
    "probabilities": "Class probabilities over the budget",
    "strips": "Images",
    "portraits": "Test examples as points",
    "circuits": "Circuits",
    "samplers": "Samples of the negative phase",
    "training": "Training",
    "courses": "Earlier runs",
    "setting": "Models and attacks",
    "assumed": "Assumptions",
    "provenance": "Provenance",
    "written": "The claim as written",
}
"""Sections of the page, in order: anchor → heading."""
_ALWAYS = frozenset({"weaknesses", "number", "provenance", "written"})


class FindingView(NamedTuple):
    """A finding, and the rule that raised it, if the code still has it."""

    finding: Finding
    raised_if: str


class PictureView(NamedTuple):
    """One column of a strip."""

    files: tuple[tuple[str, str], ...]
    """Address and alternative text of the clean, the adversarial and the perturbation's picture."""
    clean: str
    adversarial: str
    norm: str
    low_frequency: str
    """Share of low frequencies as text; empty if it is not known."""
    is_missed: bool
    """Whether the clean image, too, is answered wrongly."""
    is_flipped: bool
    true_label: str


class StripView(NamedTuple):
    """A strip with its heading."""

    heading: str
    caption: str
    sentence: str
    pictures: tuple[PictureView, ...]

    @property
    def has_frequency(self) -> bool:
        """Whether a picture has the share of low frequencies."""
        return any(picture.low_frequency for picture in self.pictures)


class GroupView(NamedTuple):
    """Small figures that are shown side by side."""

    heading: str
    figures: tuple[Figure, ...]
    key: str = ""
    """A sentence that explains their marks."""


class EmbeddingView(NamedTuple):
    """The picture of an embedding, with its sentence."""

    model: str
    address: str
    sentence: str


def claim_view(outcome: Outcome, accents: Mapping[str, Accent], past: Earlier) -> dict[str, Any]:
    """The content of a claim's page, by the names that its template uses."""
    name = outcome.id
    return {
        "outcome": outcome,
        "numbers": sentences.verdict_numbers(outcome),
        "reason": sentences.reason_beyond_numbers(outcome),
        "raised": raised(outcome.findings),
        "unassessed": [f for f in outcome.findings if not f.assessed],
        "main": figures.of_measured(outcome),
        "cells": figures.of_cells(name, _behind(outcome), accents),
        "curves": [
            figures.of_panel(name, panel, [accents[curve.model] for curve in panel.curves])
            for panel in curves.panels(outcome.curves, outcome.cells)
        ],
        "rocs": [figures.of_roc(name, curve) for curve in outcome.rocs],
        "probabilities": [_probabilities(name, group, accents) for group in probabilities.groups(outcome.strips)],
        "sweep": figures.of_sweep(outcome),
        "portraits": [_portrait(each) for each in outcome.portraits],
        "courses": past.courses(name, outcome.suite, outcome.cells, accents),
        "verdicts": past.verdicts(outcome),  # with their dates, this one last; none where no earlier run is known
    } | drawings(outcome.strips, outcome.training, outcome.circuits, outcome.samplings, outcome.embeddings, accents)


def claim_contents(view: Mapping[str, Any]) -> dict[str, str]:
    """Anchor and heading of each section that a claim's page has."""
    outcome: Outcome = view["outcome"]
    own = {
        **view,
        "courses": view["courses"] or view["verdicts"],
        "setting": outcome.setting,
        "assumed": outcome.assumed,
    }
    return {name: heading for name, heading in SECTIONS.items() if name in _ALWAYS or own[name]}


def drawings(
    strips: Iterable[Strip],
    training: Iterable[TrainingCurve],
    circuits: Iterable[CircuitDrawing],
    samplings: Sequence[Sampling],
    embeddings: Iterable[EmbeddingDrawing],
    accents: Mapping[str, Accent],
) -> dict[str, Any]:
    """The drawings that pages of claims, models and attacks share, by the names that templates use."""
    return {
        "strips": [_strip(strip) for strip in strips if strip.pictures],
        "training": [figures.of_training(curve, accents[curve.model]) for curve in training],
        "circuits": [figures.of_circuit(each) for each in circuits],
        "samplings": [GroupView(each.model, figures.of_sampling(each)) for each in samplings],
        "samplers": [(each.model, sampling.row(each)) for each in samplings],
        "embeddings": [
            EmbeddingView(each.model, address(each.file), sampling.embedding_sentence(each)) for each in embeddings
        ],
    }


def raised(findings: Iterable[Finding]) -> tuple[FindingView, ...]:
    """Findings that were raised, the most severe first, each with its rule."""
    ordered = sorted((f for f in findings if f.assessed), key=lambda f: f.rank)
    return tuple(FindingView(f, FINDINGS[f.name].raised_if if f.name in FINDINGS else "") for f in ordered)


def _behind(outcome: Outcome) -> tuple[CellValue, ...]:
    """The cells that the claim's numbers are computed from; empty if the numbers are the cells themselves."""
    own = {m.estimate for m in outcome.measured}
    return () if all(c.estimate in own for c in outcome.cells) else outcome.cells


def _portrait(each: Portrait) -> GroupView:
    panels = tuple(figures.of_scatter(each, scatter) for scatter in each.scatters)
    return GroupView(_heading(each), panels, portrait.key(each))


def _heading(each: Portrait | Strip) -> str:
    made = origin(each.model, each.attack, each.surrogate or each.model)
    attack = each.attack if made.model == each.model else made.words
    return f"{each.model} under {attack}, ε = {format_epsilon(each.epsilon)}"


def _probabilities(name: str, group: probabilities.Group, accents: Mapping[str, Accent]) -> GroupView:
    first, made = group.courses[0], group.origin.words
    courses = (figures.of_course(name, course, made, accents[course.model]) for course in group.courses)
    return GroupView(f"An image of {first.true_label} (test image {first.along.image}), {made}", tuple(courses))


@lru_cache(maxsize=4096)
def _strip(strip: Strip) -> StripView:
    pictures = tuple(_picture(picture) for picture in strip.pictures)
    return StripView(_heading(strip), strip.caption, captions.strip_sentence(strip), pictures)


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
    is_missed, is_flipped = (label != picture.true_label for label in (picture.clean_label, picture.adversarial_label))
    low = "" if picture.low_frequency is None else _percent(picture.low_frequency)
    return PictureView(files, clean, adversarial, _norm(picture.norm), low, is_missed, is_flipped, picture.true_label)


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %") if share == share else MISSING


def _norm(norm: float) -> str:
    return f"{norm:.3g}" if norm == norm else MISSING


def address(file: str) -> str:
    """The address of a media file on a claim's page, which is always below the report's folder, without a scheme."""
    return "../../" + quote(file.replace("\\", "/").lstrip("/").encode("utf-8", "replace"))
