"""The content of a model's or an attack's page: all measurements of it by claims of its suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from markupsafe import Markup

from qaml.outcome.drawings import CircuitDrawing, Curve, EmbeddingDrawing, Sampling, Strip, TrainingCurve
from qaml.outcome.outcome import CellValue, Measurement, Outcome
from qaml.outcome.record import Record
from qaml.report.figures import curves, forest
from qaml.report.figures import figure as figures
from qaml.report.figures.accents import DASHES, Accent
from qaml.report.figures.courses import Earlier
from qaml.report.figures.data import Data
from qaml.report.figures.figure import Figure
from qaml.report.figures.transfer import transfer_views
from qaml.report.pages.claim import FindingView, drawings, raised
from qaml.report.pages.subjects import Known, Subject, base_name
from qaml.report.text.headlines import verdict_counts
from qaml.report.text.marks import models_of, words
from qaml.report.text.numbers import Shown, format_epsilon, metric_style, show, style_of
from qaml.report.text.origin import origin

SECTIONS = {
    "weaknesses": "What was found wrong with it",
    "curves": "Accuracy over the budget",
    "cells": "Measured",
    "courses": "Earlier runs",
    "transfers": "How it transfers between models",
    "strips": "Images",
    "training": "Training",
    "circuits": "Circuit",
    "samplers": "Samples of the negative phase",
    "claims": "Claims",
}
"""Sections of the page, in order: anchor → heading."""
_ALWAYS = frozenset({"weaknesses", "claims"})
_Record = TypeVar("_Record", bound=Record)
_OfModel = TypeVar("_OfModel", TrainingCurve, CircuitDrawing, Sampling, EmbeddingDrawing)


class ClaimRow(NamedTuple):
    """A claim that measures the subject, with its deciding number."""

    outcome: Outcome
    shown: Shown | None


class FindingGroup(NamedTuple):
    """A finding, and the claims that it was raised for."""

    view: FindingView
    claims: tuple[Outcome, ...]


class CellRow(NamedTuple):
    """One measured cell."""

    label: str
    epsilon: str
    shown: Shown
    plot: Markup


class CellTable(NamedTuple):
    """A table of cells of one metric and protocol, on one scale."""

    heading: str
    unit: str
    head: Markup
    rows: tuple[CellRow, ...]
    sentence: str
    data: Data


def subject_view(subject: Subject, known: Known, accents: Mapping[str, Accent], past: Earlier) -> dict[str, Any]:
    """The content of the page of a model or an attack, by the names that its template uses."""
    claims, name = known[subject], f"{subject.suite}-{subject.name}"
    cells = _cells(subject, claims)
    is_model = subject.kind == "model"
    training = (c for o in claims for c in o.training) if is_model else ()
    circuits = (c for o in claims for c in o.circuits) if is_model else ()
    samplings = _own(subject, (s for o in claims for s in o.samplings) if is_model else ())
    embeddings = (e for o in claims for e in o.embeddings) if is_model else ()
    strips = _once(s for outcome in claims for s in outcome.strips if _shows(s, subject))
    drawn = (_own(subject, training), _own(subject, circuits), samplings, _own(subject, embeddings))
    return {
        "subject": subject,
        "settings": _settings(subject, claims),
        "counts": verdict_counts(claims),
        "claims": [ClaimRow(o, show(o.measured[0], style_of(o)) if o.measured else None) for o in claims],
        "findings": _findings(subject, claims),
        "cells": [_table(name, heading, group, subject, accents) for heading, group in _groups(cells, subject).items()],
        "curves": _curves(name, subject, claims, accents),
        "transfers": [] if is_model else [t for t in transfer_views(claims, accents) if t.attack == subject.name],
        "partners": _partners(subject, claims),
        # of the same name in other suites, with other settings most likely
        "namesakes": [
            s for s in known if s.kind == subject.kind and s.name == subject.name and s.suite != subject.suite
        ],
        "courses": past.courses(name, subject.suite, cells, accents),
    } | drawings(strips, *drawn, accents)


def subject_contents(view: Mapping[str, Any]) -> dict[str, str]:
    """Anchor and heading of each section that the page of a model or an attack has."""
    return {name: heading for name, heading in SECTIONS.items() if name in _ALWAYS or view.get(name)}


def _shows(strip: Strip, subject: Subject) -> bool:
    if subject.kind == "model":
        return subject.name in (strip.model, strip.surrogate)
    return base_name(strip.attack) == subject.name


def _own(subject: Subject, records: Iterable[_OfModel]) -> tuple[_OfModel, ...]:
    """A model's own records, each once, since claims share them."""
    return _once(record for record in records if record.model == subject.name)


def _once(records: Iterable[_Record]) -> tuple[_Record, ...]:
    """Equal records once; those that differ as numbers are compared as text, in which NaN equals itself."""
    return tuple({repr(record.model_dump()): record for record in dict.fromkeys(records)}.values())


def _settings(subject: Subject, claims: Iterable[Outcome]) -> tuple[tuple[str, str], ...]:
    """The subject's settings in words; several if claims differ in them or only have ``attack@model``."""
    texts = dict.fromkeys((key, text) for outcome in claims for key, text in outcome.setting.items())
    own = tuple(each for each in texts if each[0] == subject.name)
    is_attack = subject.kind == "attack"
    return own or tuple(each for each in texts if is_attack and base_name(each[0]) == subject.name)


def _findings(subject: Subject, claims: Iterable[Outcome]) -> tuple[FindingGroup, ...]:
    """The findings about the subject, each once, with its claims."""
    found: dict[FindingView, list[Outcome]] = {}
    for outcome in claims:
        for view in dict.fromkeys(raised(outcome.findings)):
            about = view.finding.model if subject.kind == "model" else base_name(view.finding.attack or "")
            if about == subject.name:
                found.setdefault(view, []).append(outcome)
    order = {view: place for place, view in enumerate(raised(view.finding for view in found))}
    return tuple(FindingGroup(view, tuple(found[view])) for view in sorted(found, key=lambda view: order[view]))


def _cells(subject: Subject, claims: Iterable[Outcome]) -> tuple[CellValue, ...]:
    """The cells that measure the subject or adversarials made on it, each once."""
    found: dict[tuple[object, ...], CellValue] = {}
    for cell in (cell for outcome in claims for cell in outcome.cells):
        if subject.kind == "model":
            is_own = cell.model == subject.name or cell.surrogate == subject.name
        else:
            is_own = any(base_name(attack) == subject.name for attack in cell.attack)
        if is_own:
            key = (cell.model, cell.metric, cell.protocol, cell.attack, cell.epsilon, cell.surrogate)
            known = found.get(key)
            if known is None or (known.paper is None and cell.paper is not None):
                found[key] = cell
    return tuple(found.values())


def _groups(cells: Sequence[CellValue], subject: Subject) -> dict[str, list[CellValue]]:
    """Cells by metric and protocol, with those of other models separate, in the order of attacks and budgets."""
    order = {name: place for place, name in enumerate(dict.fromkeys(_label(cell, subject) for cell in cells))}
    groups: dict[str, list[CellValue]] = {}
    for cell in sorted(cells, key=lambda cell: (order[_label(cell, subject)], cell.epsilon or 0.0)):
        protocol = f", {words(cell.protocol)}" if cell.attack else ""
        other = "" if subject.kind == "attack" or cell.model == subject.name else " of other models, made on it"
        groups.setdefault(f"{words(cell.metric)}{protocol}{other}", []).append(cell)
    return groups


def _label(cell: CellValue, subject: Subject) -> str:
    attack = " + ".join(cell.attack) or "clean"
    made_on = f" made on {cell.surrogate}" if cell.surrogate and "@" not in attack else ""
    if cell.model == subject.name and subject.kind == "model":
        return attack + made_on
    is_plain = len(cell.attack) == 1 and attack == subject.name and not made_on
    return cell.model if is_plain and subject.kind == "attack" else f"{cell.model} under {attack}{made_on}"


def _table(
    name: str, heading: str, cells: Sequence[CellValue], subject: Subject, accents: Mapping[str, Accent]
) -> CellTable:
    style = metric_style(cells[0].metric)
    axis = forest.cell_row_axis(cells, style)
    rows = []
    for cell in cells:
        measurement = Measurement(label=cell.label, estimate=cell.estimate, paper=cell.paper)
        plot = forest.row(measurement, axis, look=accents[cell.model].look)
        epsilon = "" if cell.epsilon is None else format_epsilon(cell.epsilon)
        rows.append(CellRow(_label(cell, subject), epsilon, show(measurement, style), plot))
    data = figures.cell_data(f"{name}-{heading}", cells)
    sentence = figures.cell_sentence(cells, style)
    return CellTable(heading, style.word, forest.head(axis, style), tuple(rows), sentence, data)


def _curves(
    name: str, subject: Subject, claims: Sequence[Outcome], accents: Mapping[str, Accent]
) -> tuple[Figure, ...]:
    """A model's curves under each attack, which differ in their dashes, or an attack's curves on each model."""
    found = _once(c for outcome in claims for c in outcome.curves if _is_about(c, subject))
    cells = [cell for outcome in claims for cell in outcome.cells]
    drawn = []
    for panel in curves.panels(found, cells):
        looks = [accents[curve.model] for curve in panel.curves]
        is_model = subject.kind == "model"
        if is_model:
            looks = [Accent(a.look, DASHES[i % len(DASHES)]) for i, a in enumerate(looks)]
        drawn.append(figures.of_panel(name, panel, looks, is_of_one_model=is_model))
    return tuple(drawn)


def _is_about(curve: Curve, subject: Subject) -> bool:
    if subject.kind == "model":
        return curve.model == subject.name
    return not curve.is_worst_case and origin(curve.model, curve.attack).attack == subject.name


def _partners(subject: Subject, claims: Iterable[Outcome]) -> tuple[str, ...]:
    if subject.kind == "attack":
        return tuple(dict.fromkeys(name for outcome in claims for name in models_of(outcome)))
    tried = (a for outcome in claims for c in outcome.cells if c.model == subject.name for a in c.attack)
    return tuple(dict.fromkeys(base_name(attack) for attack in tried))
