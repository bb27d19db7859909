"""Findings that compare two attacks on the same images: what should be weaker fools more."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from qaml.judge.findings.names import not_assessed, raised
from qaml.judge.findings.subject import Array, Outcomes, Subject, battery, first_seed, paired
from qaml.judge.outcome import Finding
from qaml.judge.statistics.exact import paired_excess
from qaml.metrics.evidence import AttackTraits
from qaml.vocab import Severity

ENOUGH_IMAGES = 100
P_VALUE, POINTS, IMAGES = 0.001, 0.02, 5


class Beaten(NamedTuple):
    """The answer of the paired test.

    Attributes:
        is_beaten: the second attack fools fewer, beyond chance and by enough to matter.
        message: the numbers.
        is_assessed: there were enough images.
        n_images: that both attacks saw.
    """

    is_beaten: bool
    message: str
    is_assessed: bool
    n_images: int


def beats(first: Outcomes, second: Outcomes, subject: Subject, epsilon: float) -> Beaten:
    """Whether the first attack fools more than the second: exact p < 0.001, ≥ 2 points, ≥ 5 images."""
    pair = paired(first, second, subject.clean)
    if pair.n_images < ENOUGH_IMAGES:
        return Beaten(False, "", False, pair.n_images)
    excess = paired_excess(pair.first, pair.second)
    is_beaten = excess.p_value < P_VALUE and excess.share >= POINTS and excess.n_more - excess.n_less >= IMAGES
    message = (
        f"at {_budget(subject, epsilon)} {first.name} fools {_percent(pair.first)} of {len(pair.first)} clean-correct "
        f"images, {second.name} {_percent(pair.second)} (paired p = {excess.p_value:.1g})"
    )
    return Beaten(is_beaten, message, True, pair.n_images)


def of_comparisons(subject: Subject) -> Iterator[Finding]:
    """What the claim's attack shows beside the battery and beside the claim's other attacks."""
    if not subject.traits.is_white_box:
        return
    for epsilon in _budgets(subject):
        yield from _at(subject, epsilon)
    yield from _falling(subject)


def _budgets(subject: Subject) -> tuple[float, ...]:
    """The budget that was diagnosed, else the largest one measured."""
    if subject.diagnosis is not None:
        return (subject.diagnosis.epsilon,)
    return (subject.attacked.epsilons[-1],) if subject.rivals else ()


def suspects(name: str, subject: Subject, epsilon: float) -> list[Outcomes]:
    """The attacks that should not fool more than an iterative white-box one, by the finding they would raise."""
    measured = _measured(subject, epsilon)
    if name == "transfer_beats_white_box":
        return measured.others
    own = first_seed(subject.traits.name, subject.attacked, epsilon, subject.clean)
    return measured.one_step + ([own] if own is not None and not _is_iterative(subject.traits) else [])


def _at(subject: Subject, epsilon: float) -> Iterator[Finding]:
    own = first_seed(subject.traits.name, subject.attacked, epsilon, subject.clean)
    is_iterative = _is_iterative(subject.traits)
    if own is not None and is_iterative:
        reference: Outcomes | None = own
    else:
        candidates = _measured(subject, epsilon).iterative
        reference = min(candidates, key=lambda outcomes: float(outcomes.correct.mean()), default=None)
    if reference is not None:
        for name in ("iterative_weaker_than_one_step", "transfer_beats_white_box"):
            yield from _first_beaten(name, suspects(name, subject, epsilon), reference, subject, epsilon)
    yield from _noise(subject, own, epsilon)
    yield from _averaging(subject, own if is_iterative else None, epsilon)


def _is_iterative(traits: AttackTraits) -> bool:
    return traits.is_iterative or traits.minimises


class _Measured(NamedTuple):
    one_step: list[Outcomes]
    others: list[Outcomes]
    iterative: list[Outcomes]


def _measured(subject: Subject, epsilon: float) -> _Measured:
    """Everything measured on this model at this budget and norm: one-step, not white-box, iterative white-box."""
    found = _Measured([], [], [])
    if subject.diagnosis is not None:
        kinds = zip(found, ("fgsm", "transfer", "pgd"), strict=True)
        for outcomes, name in kinds:
            if (measured := battery(subject.diagnosis, name)) is not None:
                outcomes.append(measured._replace(name=_BATTERY[name]))
    for traits, attacked in subject.rivals:
        if traits.norm != subject.traits.norm or traits.is_exact:
            continue
        measured = first_seed(traits.name, attacked, epsilon, subject.clean)
        if measured is not None:
            kind = 1 if not traits.is_white_box else 2 if _is_iterative(traits) else 0
            found[kind].append(measured)
    return found


_BATTERY = {"fgsm": "FGSM", "transfer": "transferred PGD", "pgd": "strong PGD"}


def _first_beaten(
    name: str, tested: list[Outcomes], reference: Outcomes, subject: Subject, epsilon: float
) -> Iterator[Finding]:
    answers = [beats(suspect, reference, subject, epsilon) for suspect in tested]
    for answer in answers:
        if answer.is_beaten:
            yield raised(name, subject.model, subject.traits.name, answer.message)
            return
    if answers and not any(answer.is_assessed for answer in answers):
        yield not_assessed(name, subject.model, subject.traits.name, max(answer.n_images for answer in answers))


def _noise(subject: Subject, own: Outcomes | None, epsilon: float) -> Iterator[Finding]:
    noise = battery(subject.diagnosis, "noise") if subject.diagnosis is not None else None
    if noise is None or own is None:
        return
    pair = paired(noise, own, subject.clean)
    if pair.n_images < ENOUGH_IMAGES:
        yield not_assessed("noise_as_strong", subject.model, subject.traits.name, pair.n_images)
        return
    fooled = int((pair.first < 0.5).sum())
    if fooled >= max(IMAGES, POINTS * len(pair.first)) and fooled >= int((pair.second < 0.5).sum()):
        message = (
            f"at {_budget(subject, epsilon)} ten draws of noise fool {_percent(pair.first)} of {len(pair.first)} "
            f"clean-correct images, {own.name} {_percent(pair.second)}"
        )
        yield raised("noise_as_strong", subject.model, subject.traits.name, message)


def _averaging(subject: Subject, own: Outcomes | None, epsilon: float) -> Iterator[Finding]:
    """EOT against the same attack without averaging, and against the claim's own if that is iterative too."""
    if subject.diagnosis is None:
        return
    averaged, single = battery(subject.diagnosis, "eot"), battery(subject.diagnosis, "pgd")
    if averaged is None or single is None:
        return
    averaged = averaged._replace(name="PGD averaged over draws (EOT)")
    answers = [beats(averaged, single._replace(name="PGD"), subject, epsilon)]
    answers += [beats(averaged, own, subject, epsilon)] if own is not None else []
    if not all(answer.is_assessed for answer in answers):
        yield not_assessed("no_averaging", subject.model, subject.traits.name, answers[0].n_images)
    elif all(answer.is_beaten for answer in answers):
        yield raised("no_averaging", subject.model, subject.traits.name, answers[-1].message)


def _falling(subject: Subject) -> Iterator[Finding]:
    name, traits = "success_falls_with_epsilon", subject.traits
    fall = first_fall(subject)
    if fall is None:
        return
    if not fall.answer.is_assessed:
        yield not_assessed(name, subject.model, traits.name, fall.answer.n_images)
    elif fall.answer.is_beaten:
        severity: Severity | None = None if _is_iterative(traits) else "note"
        yield raised(name, subject.model, traits.name, fall.answer.message, severity)


class Fall(NamedTuple):
    """Raw success at a budget against the best at any smaller one: the first that is lower, else the last."""

    epsilon: float
    answer: Beaten


def first_fall(subject: Subject) -> Fall | None:
    """Where raw success falls with the budget, beyond chance; None for an attack with one budget."""
    name, fall = subject.traits.name, None
    best: Outcomes | None = None
    for epsilon in subject.attacked.epsilons:
        outcomes = first_seed(name, subject.attacked, epsilon, subject.clean)
        if outcomes is None:
            continue
        if best is not None:
            fall = Fall(epsilon, beats(best, outcomes._replace(name="this one"), subject, epsilon))
            if fall.answer.is_beaten or not fall.answer.is_assessed:
                return fall
        if best is None or outcomes.correct.mean() < best.correct.mean():
            best = outcomes._replace(name=f"a budget of {epsilon:g}")
    return fall


def _budget(subject: Subject, epsilon: float) -> str:
    norm = {"linf": "L∞", "l2": "L2"}.get(subject.traits.norm, subject.traits.norm)
    return f"{norm} distance {epsilon:g}" if math.isfinite(epsilon) else f"any {norm} distance"


def _percent(correct: Array) -> str:
    return f"{100 * (1 - float(np.mean(correct))):.1f} %" if len(correct) else "none"
