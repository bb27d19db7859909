"""Judges a claim: from its evidence to a verdict, and to everything that a report shows with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from qaml.claims.base import NO_TABLES, Cell, Estimate, Measured, ReportedTable, Term
from qaml.judge.curves import epsilon_curves, training_curves
from qaml.judge.estimator import SourceEstimator
from qaml.judge.findings import OF_RUNS, OF_SURROGATES, findings_of, look
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.findings.subject import Assessed, Rival, Subject
from qaml.judge.gap import Checked, checked
from qaml.judge.nearest import OUT_OF_SCOPE as NO_NORMS
from qaml.judge.nearest import Shrunk, shrunk
from qaml.judge.papers import left_open, paper_value
from qaml.judge.resolve import Resolver
from qaml.judge.roc import among_fooling, curve_of, detections_of
from qaml.judge.samplings import sampling_of
from qaml.judge.source import Detections, NearerSource, Source
from qaml.judge.standing import Standing, standing
from qaml.judge.weakness import Effect, effect_on, failed
from qaml.outcome.drawings import Curve, Roc, Sampling, TrainingCurve
from qaml.outcome.outcome import CellValue, Finding, Measurement
from qaml.outcome.record import Interval
from qaml.spec.suite import ClaimEntry
from qaml.vocab import ProfileName, Unit, Verdict


class Judgement(NamedTuple):
    """The fields of an ``Outcome`` that follow from evidence alone; the judging step adds the others."""

    verdict: Verdict
    reason: str
    beyond: str | None
    measured: tuple[Measurement, ...]
    unit: Unit
    cells: tuple[CellValue, ...]
    findings: tuple[Finding, ...]
    curves: tuple[Curve, ...]
    training: tuple[TrainingCurve, ...]
    samplings: tuple[Sampling, ...]
    rocs: tuple[Roc, ...]
    notes: tuple[str, ...]


def judge(
    entry: ClaimEntry,
    source: Source,
    tables: Mapping[str, ReportedTable] = NO_TABLES,
    profile: ProfileName = "standard",
    assumed: Iterable[str] = (),
) -> Judgement:
    """Apply a claim's rule to its evidence.

    Args:
        entry: the claim.
        source: the claim's evidence.
        tables: name → reported table of the suite.
        profile: the scale; a paper's own values are never judged at ``quick``.
        assumed: keys of the suite's ``assumed``, which name settings that the paper leaves open.

    Raises:
        QamlError: the evidence lacks something that the claim needs.
    """
    cells = entry.part.cells(tables)
    resolver = Resolver(source)
    assessed = _assess(cells, resolver)
    detected = detections_of(entry.part, source)
    of_detectors = _of_detectors(detected.values(), assessed, resolver)
    alone = _alone(cells, detected.values(), resolver)
    known = standing(alone.values(), {pair: one.subject for pair, one in (assessed | of_detectors).items()})
    known = known._replace(failed=frozenset(pair for pair, one in of_detectors.items() if failed(one)))
    effects: dict[Cell, Effect] = {}

    def effect(cell: Cell) -> Effect:
        if cell not in effects:
            own = {name: assessed[cell.model, name] for name in cell.attack}
            effects[cell] = Effect(is_void=True) if known.voids(cell) else effect_on(cell, own)
        return effects[cell]

    looked: dict[Cell, Checked] = {}

    def check(cell: Cell) -> Checked:
        if cell not in looked:
            own = {name: assessed[cell.model, name] for name in cell.attack}
            looked[cell] = checked(cell, own, resolver.budgets(cell) if cell.epsilon != "every" else largest(cell))
        return looked[cell]

    def largest(cell: Cell) -> tuple[float, ...]:
        return resolver.budgets(cell.model_copy(update={"epsilon": None}))

    def shrink(cell: Cell) -> Shrunk:
        knows = isinstance(source, NearerSource)
        return shrunk(cell, {name: assessed[cell.model, name].subject for name in cell.attack}) if knows else NO_NORMS

    is_judged = profile != "quick"
    estimator = SourceEstimator(resolver, effect, tables, is_judged, known, check, left_open(assumed), shrink)
    decision = entry.part.decide(estimator)
    written = {cell: place for place, cell in enumerate(dict.fromkeys(cells))}  # a trend estimates its last cell first
    asked = sorted(estimator.asked, key=lambda cell: written.get(cell, len(written)))
    models = list(dict.fromkeys(cell.model for cell in cells))
    return Judgement(
        verdict=decision.verdict,
        reason=decision.reason,
        beyond=decision.beyond,
        measured=tuple(_measurement(measured) for measured in decision.measured),
        unit=_unit(cells),
        cells=tuple(_cell_value(cell, estimator) for cell in asked),
        findings=_findings([alone[m] for m in models if m in alone], assessed | of_detectors, known, resolver),
        curves=epsilon_curves(cells, resolver, estimator),
        training=training_curves(models, source),
        samplings=tuple(sampling_of(model, runs) for model in models if (runs := source.inspections(model))),
        rocs=tuple(curve_of(name, found) for name, found in detected.items() if found.thresholds),
        notes=(
            *_notes(cells, assessed, decision.measured, tables),
            *(
                drawn(model, alone[model].clean.draws)
                for model in models
                if model in alone and alone[model].clean.draws > 1
            ),
            *(among_fooling(name, found) for name, found in detected.items() if found.fooling is not None),
        ),
    )


def _assess(cells: Sequence[Cell], resolver: Resolver) -> dict[tuple[str, str], Assessed]:
    """Each model under each attack of the claim's cells, with its findings."""
    published: dict[tuple[str, str], bool] = {}
    for cell in cells:
        for name in cell.attack:
            pair = cell.model, name
            published[pair] = published.get(pair, True) and cell.protocol == "as_published"
    return _assess_pairs(published, resolver)


def _of_detectors(
    detected: Iterable[Detections], known: Mapping[tuple[str, str], Assessed], resolver: Resolver
) -> dict[tuple[str, str], Assessed]:
    """Models under the attacks that a detector uses, except pairs that are assessed already."""
    heard = {(model, attack): False for each in detected for model, attack in each.heard if attack is not None}
    return _assess_pairs({pair: False for pair in heard if pair not in known}, resolver)


def _assess_pairs(published: Mapping[tuple[str, str], bool], resolver: Resolver) -> dict[tuple[str, str], Assessed]:
    """Assess each pair of a model and an attack; the value says whether all of its cells are ``as_published``."""
    source = resolver.source
    traits = {name: source.traits(name) for _, name in published}
    assessed = {}
    for (model, attack), is_published in published.items():
        others = [name for other, name in published if other == model and name != attack]
        subject = Subject(
            model=model,
            traits=traits[attack],
            clean=resolver.clean(model),
            attacked=resolver.attacked(model, attack),
            diagnosis=source.diagnosis(model, attack),
            rivals=tuple(Rival(traits[name], resolver.attacked(model, name)) for name in others),
            is_published=is_published,
            distances=source.distances(model, attack),
            weaker=source.weaker_diagnoses(model, attack),
            nearer=source.nearer(model, attack) if isinstance(source, NearerSource) else None,
        )
        assessed[model, attack] = Assessed(subject, findings_of(subject))
    return assessed


def _alone(cells: Sequence[Cell], detected: Iterable[Detections], resolver: Resolver) -> dict[str, ModelEvidence]:
    """Evidence of each model whose answers cells or detectors use, without attacks."""
    source = resolver.source
    models = [cell.model for cell in cells if not cell.definition.is_of_training]
    models += [model for each in detected for model, _ in each.heard]
    divided = {cell.model for cell in cells if cell.definition.is_of_clean_correct}
    return {
        model: ModelEvidence(
            model,
            resolver.clean(model),
            history=source.history(model),
            repeats=source.repeats(model),
            inspections=source.inspections(model),
            is_divided=model in divided,
        )
        for model in dict.fromkeys(models)
    }


def _findings(
    models: Sequence[ModelEvidence], assessed: Mapping[tuple[str, str], Assessed], known: Standing, resolver: Resolver
) -> tuple[Finding, ...]:
    found = [*known.findings, *(finding for one in assessed.values() for finding in one.findings)]
    found += [finding for evidence in models for finding in look(OF_RUNS, evidence)]
    for model, surrogate in resolver.source.surrogates().items():
        found += look(OF_SURROGATES, ModelEvidence(model, resolver.clean(model), surrogate=surrogate))
    return tuple(sorted(found, key=lambda finding: finding.rank))


def _interval(estimate: Estimate) -> Interval:
    return Interval(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        per_seed=estimate.per_seed,
        n_seeds=estimate.n_seeds,
        n_images=estimate.n_images,
        method=estimate.method,
    )


def _measurement(measured: Measured) -> Measurement:
    paper = measured.paper if measured.paper is not None else measured.estimate.paper
    return Measurement(
        label=measured.label,
        estimate=_interval(measured.estimate),
        at_least=measured.at_least,
        at_most=measured.at_most,
        paper=paper,
        p_value=None if math.isnan(measured.estimate.p_value) else measured.estimate.p_value,
    )


def _cell_value(cell: Cell, estimator: SourceEstimator) -> CellValue:
    resolver = estimator.resolver
    epsilon: float | None = None
    if cell.definition.budget == "radius" and cell.epsilon != "every":
        epsilon = resolver.radius(cell)
    elif cell.attack and cell.epsilon != "every" and not cell.definition.finds_epsilon:
        budgets = set(resolver.budgets(cell))
        epsilon = budgets.pop() if len(budgets) == 1 else None
    surrogates = [resolver.source.traits(name).surrogate for name in cell.attack]
    return CellValue(
        label=cell.label,
        model=cell.model,
        attack=cell.attack,
        metric=cell.metric or "",
        epsilon=epsilon,
        protocol=cell.protocol,
        estimate=_interval(estimator.contrast((Term(cell, 1.0),))),
        paper=paper_value(cell, estimator.tables.values()),
        surrogate=next((name for name in surrogates if name is not None), None),
    )


def _unit(cells: Sequence[Cell]) -> Unit:
    units = {cell.definition.unit for cell in cells}
    return "points" if units <= {"share"} else "norm" if units == {"norm"} else "plain"


def _is_unseen(subject: Subject) -> bool:
    """Whether no diagnostics ran for an attack that searches adversarials on the model itself."""
    return subject.traits.is_on_model and not subject.traits.is_exact and subject.diagnosis is None


def drawn(model: str, draws: int) -> str:
    """The note on a model that answers at random."""
    return f"{model} is randomised: of every image a share of {draws} decisions counts, each from draws of its own"


def _cost(subject: Subject) -> str | None:
    """The note on gradients that were estimated from circuits; ``None`` for other attacks."""
    queries, spent = subject.attacked.queries, subject.attacked.spent
    if queries is None or subject.traits.asks is not None or not queries.size:
        return None
    how = "exact values" if spent is None else f"{np.median(spent.max(1)):,.0f} shots"
    circuits = f"{np.median(queries.max(1)):,.0f} circuits an image"
    return f"{subject.attack} on {subject.model} takes gradients from {circuits}, {how} (the median)"


def _notes(
    cells: Sequence[Cell],
    assessed: Mapping[tuple[str, str], Assessed],
    measured: Sequence[Measured],
    tables: Mapping[str, ReportedTable],
) -> list[str]:
    notes = []
    unseen = sorted(f"{model} under {attack}" for (model, attack), one in assessed.items() if _is_unseen(one.subject))
    if unseen:
        notes.append(f"no diagnostics ran for {', '.join(unseen)}: a weak attack would go unnoticed")
    asking = {one.subject.attack: one.subject.traits.asks for one in assessed.values()}
    notes += [
        f"{attack} is black-box, it asks for {asked} alone: the claim is about an attacker who knows no more"
        for attack, asked in sorted(asking.items())
        if asked is not None
    ]
    notes += [found for one in assessed.values() if (found := _cost(one.subject)) is not None]
    if any(m.estimate.n_seeds == 1 for m in measured):
        notes.append("one training run: the statement is about this trained model, not about the method")
    robust = [cell for cell in cells if cell.metric == "robust_accuracy"]
    if any(paper_value(cell, (t for t in tables.values() if t.definition.is_accuracy)) is not None for cell in robust):
        notes.append("the paper's values are accuracies under one attack as published, ours are robust accuracies")
    return notes
