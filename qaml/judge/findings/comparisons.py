"""Findings that compare two attacks on the same images: what should be weaker fools more."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from qaml.judge.findings.names import not_assessed, raised
from qaml.judge.findings.subject import (
    UNBOUNDED,
    Array,
    Outcomes,
    Subject,
    battery,
    measured,
    one_draw,
    paired,
    worst_member,
)
from qaml.judge.statistics.exact import paired_excess
from qaml.metrics.evidence import AttackTraits, Diagnosis
from qaml.outcome.outcome import Finding
from qaml.vocab import Severity

ENOUGH_IMAGES = 100
P_VALUE, POINTS, IMAGES = 0.001, 0.02, 5
ALWAYS = 0.10
"""Share of the battery's images that only the battery fools, beyond which an attack has failed."""


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


def beats(first: Outcomes, second: Outcomes, subject: Subject, epsilon: float, rivals: int = 1) -> Beaten:
    """Whether the first attack fools more than the second: exact p < 0.001 / rivals, ≥ 2 points, ≥ 5 images."""
    pair = paired(first, second, subject)
    if pair.n_images < ENOUGH_IMAGES:
        return Beaten(False, "", False, pair.n_images)
    excess = paired_excess(pair.first, pair.second)
    is_beaten = excess.p_value < P_VALUE / rivals and excess.share >= POINTS and excess.n_more - excess.n_less >= IMAGES
    message = (
        f"at {_budget(subject, epsilon)} {first.name} fools {_percent(pair.first)} of {len(pair.first)} clean-correct "
        f"images, {second.name} {_percent(pair.second)} (paired p = {excess.p_value:.1g})"
    )
    return Beaten(is_beaten, message, True, pair.n_images)


def of_comparisons(subject: Subject) -> Iterator[Finding]:
    """What the claim's attack shows beside the battery and beside the claim's other attacks.

    An attack from elsewhere is held against attacks of equal access only: those made on the same surrogate.
    """
    for epsilon in _budgets(subject):
        yield from _at(subject, epsilon)
    if subject.traits.is_white_box:
        yield from _falling(subject)


def _budgets(subject: Subject) -> tuple[float, ...]:
    """The budget that was diagnosed, else the largest one measured."""
    if subject.diagnosis is not None and subject.traits.is_white_box:
        return (subject.diagnosis.epsilon,)
    return (subject.attacked.epsilons[-1],) if subject.rivals else ()


def suspects(name: str, subject: Subject, epsilon: float) -> list[Outcomes]:
    """The attacks that should not fool more than an iterative white-box one, by the finding they would raise."""
    found = _all_measured(subject, epsilon)
    if name == "transfer_beats_white_box":
        return found.others
    own = measured(subject.traits.name, subject, subject.attacked, epsilon)
    return found.one_step + ([own] if own is not None and not _is_iterative(subject.traits) else [])


def _at(subject: Subject, epsilon: float) -> Iterator[Finding]:
    own = measured(subject.traits.name, subject, subject.attacked, epsilon)
    found = _all_measured(subject, epsilon)
    n_rivals = max(1, sum(map(len, found)))
    if not subject.traits.is_white_box:
        yield from _strongest(found.others, own, subject, epsilon, n_rivals)
        return
    is_iterative = _is_iterative(subject.traits)
    if own is not None and is_iterative:
        reference: Outcomes | None = own
    else:
        reference = min(found.iterative, key=lambda outcomes: float(outcomes.correct.mean()), default=None)
    if reference is not None:
        for name in ("iterative_weaker_than_one_step", "transfer_beats_white_box"):
            yield from _first_beaten(name, suspects(name, subject, epsilon), reference, subject, epsilon, n_rivals)
    failed = _beyond(subject, own, epsilon)
    yield from failed if failed or not is_iterative else _strongest(found.iterative, own, subject, epsilon, n_rivals)
    yield from _noise(subject, own, epsilon)
    yield from _averaging(subject, own if is_iterative else None, epsilon)


def _strongest(
    rivals: list[Outcomes], own: Outcomes | None, subject: Subject, epsilon: float, n_rivals: int
) -> Iterator[Finding]:
    """The rival that fools most, if it fools more than the claim's own attack.

    A note: how much the verdict loses by it follows from the images (``judge.gap``).
    """
    if own is None or not rivals:
        return
    answers = [beats(rival, own, subject, epsilon, n_rivals) for rival in rivals]
    beaten = [
        (float(rival.correct.mean()), answer) for rival, answer in zip(rivals, answers, strict=True) if answer.is_beaten
    ]
    if beaten:
        _, answer = min(beaten, key=lambda pair: pair[0])
        yield raised("another_attack_fools_more", subject.model, subject.traits.name, answer.message)


def _beyond(subject: Subject, own: Outcomes | None, epsilon: float) -> list[Finding]:
    """More than a tenth of the battery's images are right under the attack and wrong with the battery."""
    diagnosis = subject.diagnosis
    if diagnosis is None or own is None:
        return []
    together = Outcomes("the battery", one_draw(worst_member(diagnosis), diagnosis.draws), diagnosis.indices)
    pair = paired(together, own, subject)
    lost = (pair.first < 0.5) & (pair.second > 0.5)
    share = float(lost.sum()) / max(pair.n_images, 1)
    if share <= ALWAYS or diagnosis.draws > 1:
        return []
    best = max(diagnosis.correct, key=lambda name: _fooled(diagnosis, name))
    message = (
        f"at {_budget(subject, epsilon)} {100 * share:.1f} % of {pair.n_images} images are right under {own.name} and "
        f"wrong with the battery, most of them under its {best.replace('_', ' ')} attack"
    )
    return [raised("another_attack_fools_more", subject.model, subject.traits.name, message, "weak")]


def _fooled(diagnosis: Diagnosis, name: str) -> float:
    return float(np.nansum(1 - np.asarray(diagnosis.correct[name], dtype=np.float64))) if name != UNBOUNDED else -1.0


def _is_iterative(traits: AttackTraits) -> bool:
    return traits.is_iterative or traits.minimises


class _Measured(NamedTuple):
    one_step: list[Outcomes]
    others: list[Outcomes]
    iterative: list[Outcomes]


def _all_measured(subject: Subject, epsilon: float) -> _Measured:
    """Everything measured on this model at this budget and norm: one-step, not white-box, iterative white-box."""
    found = _Measured([], [], [])
    if subject.diagnosis is not None and subject.traits.is_white_box:
        kinds = zip(found, ("fgsm", "transfer", "pgd"), strict=True)
        for outcomes, name in kinds:
            if (seen := battery(subject.diagnosis, name)) is not None:
                outcomes.append(seen._replace(name=_BATTERY[name]))
    for traits, attacked in subject.rivals:
        if traits.norm != subject.traits.norm or traits.is_exact or not _may_rival(traits, subject.traits):
            continue
        seen = measured(traits.name, subject, attacked, epsilon)
        if seen is not None:
            kind = 1 if not traits.is_white_box else 2 if _is_iterative(traits) else 0
            found[kind].append(seen)
    return found


def _may_rival(rival: AttackTraits, own: AttackTraits) -> bool:
    """Whether an attack knows no more of the model than the one that it is held against."""
    return own.is_white_box or (not rival.is_white_box and rival.surrogate == own.surrogate)


_BATTERY = {"fgsm": "FGSM", "transfer": "transferred PGD", "pgd": "strong PGD on the margin"}


def _first_beaten(
    name: str, tested: list[Outcomes], reference: Outcomes, subject: Subject, epsilon: float, n_rivals: int
) -> Iterator[Finding]:
    answers = [beats(suspect, reference, subject, epsilon, n_rivals) for suspect in tested]
    for answer in answers:
        if answer.is_beaten:
            yield raised(name, subject.model, subject.traits.name, answer.message)
            return
    if answers and not any(answer.is_assessed for answer in answers):
        yield not_assessed(name, subject.model, subject.traits.name, max(answer.n_images for answer in answers))


def _noise(subject: Subject, own: Outcomes | None, epsilon: float) -> Iterator[Finding]:
    noise = battery(subject.diagnosis, "noise") if subject.diagnosis is not None else None
    if noise is None or own is None or not subject.traits.is_search:
        return
    pair = paired(noise, own, subject)
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
        outcomes = measured(name, subject, subject.attacked, epsilon)
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
