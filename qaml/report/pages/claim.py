"""What a claim's page shows, worked out before any markup, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from qaml.findings import FINDINGS
from qaml.outcome.drawings import EmbeddingDrawing, Picture, Portrait, Strip
from qaml.outcome.outcome import CellValue, Finding, Outcome
from qaml.report.figures import captions, curves, portrait, probabilities, sampling
from qaml.report.figures import figure as figures
from qaml.report.figures.accents import Accent
from qaml.report.figures.courses import Courses, Earlier
from qaml.report.figures.figure import Figure
from qaml.report.text import sentences
from qaml.report.text.numbers import MISSING, format_epsilon
from qaml.report.text.origin import origin
from qaml.vocab import Verdict

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
"""Of the page, in order: anchor and heading."""
_ALWAYS = frozenset({"weaknesses", "number", "provenance", "written"})


class FindingView(NamedTuple):
    """A finding, and the rule that raised it where the code still has it."""

    finding: Finding
    raised_if: str


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

    @property
    def has_frequency(self) -> bool:
        """Whether a picture has the share of low frequencies."""
        return any(picture.low_frequency for picture in self.pictures)


class GroupView(NamedTuple):
    """Small figures that belong side by side."""

    heading: str
    figures: tuple[Figure, ...]
    key: str = ""
    """What their marks mean."""


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
    raised: tuple[FindingView, ...]
    unassessed: tuple[Finding, ...]
    main: Figure | None
    cells: tuple[Figure, ...]
    curves: tuple[Figure, ...]
    rocs: tuple[Figure, ...]
    strips: tuple[StripView, ...]
    probabilities: tuple[GroupView, ...]
    training: tuple[Figure, ...]
    sweep: Figure | None
    portraits: tuple[GroupView, ...]
    circuits: tuple[Figure, ...]
    samplings: tuple[GroupView, ...]
    samplers: tuple[tuple[str, tuple[str, ...]], ...]
    """Model and numbers, a row of the table of samplers each."""
    embeddings: tuple[EmbeddingView, ...]
    courses: Courses | None
    verdicts: tuple[tuple[Verdict, str], ...]
    """With their dates, this one last; none where no earlier run is known."""

    @property
    def contents(self) -> dict[str, str]:
        """Anchor and heading of each section that the page has."""
        own = {
            "courses": self.courses or self.verdicts,
            "setting": self.outcome.setting,
            "assumed": self.outcome.assumed,
        }
        return {
            name: heading
            for name, heading in SECTIONS.items()
            if name in _ALWAYS or own.get(name) or getattr(self, name, None)
        }


def claim_view(outcome: Outcome, accents: Mapping[str, Accent], past: Earlier) -> ClaimView:
    """Work out a claim's page."""
    name = outcome.id
    return ClaimView(
        outcome,
        sentences.verdict_numbers(outcome),
        sentences.reason_beyond_numbers(outcome),
        raised(outcome.findings),
        tuple(f for f in outcome.findings if not f.assessed),
        figures.of_measured(outcome),
        figures.of_cells(name, _behind(outcome), accents),
        tuple(
            figures.of_panel(name, panel, [accents[curve.model] for curve in panel.curves])
            for panel in curves.panels(outcome.curves, outcome.cells)
        ),
        tuple(figures.of_roc(name, curve) for curve in outcome.rocs),
        strip_views(outcome.strips),
        tuple(_probabilities(name, group, accents) for group in probabilities.groups(outcome.strips)),
        tuple(figures.of_training(curve, accents[curve.model]) for curve in outcome.training),
        figures.of_sweep(outcome),
        tuple(_portrait(each) for each in outcome.portraits),
        tuple(figures.of_circuit(each) for each in outcome.circuits),
        tuple(GroupView(each.model, figures.of_sampling(each)) for each in outcome.samplings),
        tuple((each.model, sampling.row(each)) for each in outcome.samplings),
        tuple(embedding_view(each) for each in outcome.embeddings),
        past.courses(name, outcome.suite, outcome.cells, accents),
        past.verdicts(outcome),
    )


def strip_views(strips: Iterable[Strip]) -> tuple[StripView, ...]:
    """Strips that have pictures."""
    return tuple(_strip(strip) for strip in strips if strip.pictures)


def raised(findings: Iterable[Finding]) -> tuple[FindingView, ...]:
    """Findings that were raised, the gravest first, each with its rule."""
    ordered = sorted((f for f in findings if f.assessed), key=lambda f: f.rank)
    return tuple(FindingView(f, FINDINGS[f.name].raised_if if f.name in FINDINGS else "") for f in ordered)


def _behind(outcome: Outcome) -> tuple[CellValue, ...]:
    """The cells that enter the claim's numbers, none where these are the cells themselves."""
    own = {m.estimate for m in outcome.measured}
    return () if all(c.estimate in own for c in outcome.cells) else outcome.cells


def _portrait(each: Portrait) -> GroupView:
    panels = tuple(figures.of_scatter(each, scatter) for scatter in each.scatters)
    return GroupView(_heading(each), panels, portrait.key(each))


def _heading(each: Portrait | Strip) -> str:
    made = origin(each.model, each.attack, each.surrogate or each.model)
    attack = each.attack if made.model == each.model else made.words
    return f"{each.model} under {attack}, ε = {format_epsilon(each.epsilon)}"


def embedding_view(each: EmbeddingDrawing) -> EmbeddingView:
    """An embedding's picture and its sentence."""
    return EmbeddingView(each.model, address(each.file), sampling.embedding_sentence(each))


def _probabilities(name: str, group: probabilities.Group, accents: Mapping[str, Accent]) -> GroupView:
    first, made = group.courses[0], group.origin.words
    courses = (figures.of_course(name, course, made, accents[course.model]) for course in group.courses)
    return GroupView(f"An image of {first.true_label} (test image {first.along.image}), {made}", tuple(courses))


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
