"""Contests: whether one attack fools more images than another, and the opponents of an attack."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from qaml.judge.findings.subject import Outcomes, Subject, battery, is_measured, measured, paired
from qaml.judge.statistics.exact import paired_excess
from qaml.metrics.evidence import AttackTraits
from qaml.types import DoubleArray

ENOUGH_IMAGES = 100
P_VALUE, POINTS, IMAGES = 0.001, 0.02, 5
Seen = Callable[[], Outcomes]
Suspects = Callable[[Subject, float], list[Seen]]
"""(subject, budget) → attacks that should not fool more images than the subject's attack."""
_BATTERY = {"fgsm": "FGSM", "transfer": "transferred PGD", "pgd": "strong PGD on the margin"}


class Beaten(NamedTuple):
    """The result of the paired test.

    Attributes:
        is_beaten: whether the second attack fools fewer images, beyond chance and by a relevant number.
        message: a message with the numbers.
        is_assessed: whether there were enough images.
        n_images: number of images that both attacks were evaluated on.
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
        f"at {budget(subject, epsilon)} {first.name} fools {percent(pair.first)} of {len(pair.first)} clean-correct "
        f"images, {second.name} {percent(pair.second)} (paired p = {excess.p_value:.1g})"
    )
    return Beaten(is_beaten, message, True, pair.n_images)


class Opponents(NamedTuple):
    """Attacks on the same model at one budget of one norm and box, with evidence that is read on use.

    Attributes:
        one_step: white-box attacks of a single gradient step.
        elsewhere: attacks that are not white-box.
        iterative: white-box attacks of several steps.
    """

    one_step: list[Seen]
    elsewhere: list[Seen]
    iterative: list[Seen]


def opponents(subject: Subject, epsilon: float) -> Opponents:
    """The attacks that an attack is compared with: the battery's members, and the claim's with no more access."""
    found = Opponents([], [], [])
    if subject.diagnosis is not None and subject.is_diagnosed:
        for kind, member in zip(found, _BATTERY, strict=True):
            if member in subject.diagnosis.correct:
                kind.append(partial(battery, subject.diagnosis, member, _BATTERY[member]))
    for traits, attacked in subject.rivals:
        if traits.threat != subject.traits.threat or traits.is_exact or not _may_rival(traits, subject.traits):
            continue
        if is_measured(attacked, epsilon):
            kind = (
                found.elsewhere if not traits.is_white_box else found.iterative if traits.is_strong else found.one_step
            )
            kind.append(partial(measured, traits.name, subject, attacked, epsilon))
    return found


def _may_rival(rival: AttackTraits, own: AttackTraits) -> bool:
    """Whether an attack has no more access to the model than the one that it is compared with."""
    return own.is_white_box or (not rival.is_white_box and rival.surrogate == own.surrogate)


def compared_at(subject: Subject) -> float:
    """The budget at which an attack is compared with others: the battery's, else the largest measured one."""
    if subject.diagnosis is not None and subject.is_diagnosed:
        return subject.diagnosis.epsilon
    return subject.attacked.epsilons[-1]


def own(subject: Subject, epsilon: float) -> Outcomes:
    """The attack's own correctness at one budget."""
    return measured(subject.traits.name, subject, subject.attacked, epsilon)


def elsewhere(subject: Subject, epsilon: float) -> list[Seen]:
    """Attacks with less access to the model, which should not fool more than one on the model itself."""
    return opponents(subject, epsilon).elsewhere


def one_step(subject: Subject, epsilon: float) -> list[Seen]:
    """Attacks of one step, which should not fool more than one of several; the attack itself may be one."""
    is_one = not subject.traits.takes_steps and is_measured(subject.attacked, epsilon)
    return opponents(subject, epsilon).one_step + ([partial(own, subject, epsilon)] if is_one else [])


class Fall(NamedTuple):
    """Comparison of raw success at a budget with the best at smaller ones: the first that is lower, else the last."""

    epsilon: float
    answer: Beaten


def first_fall(subject: Subject) -> Fall | None:
    """The first fall of raw success with the budget, beyond chance; ``None`` for an attack with one budget."""
    fall = None
    best: Outcomes | None = None
    for epsilon in subject.attacked.epsilons:
        outcomes = own(subject, epsilon)
        if best is not None:
            fall = Fall(epsilon, beats(best, outcomes._replace(name="this one"), subject, epsilon))
            if fall.answer.is_beaten or not fall.answer.is_assessed:
                return fall
        if best is None or outcomes.correct.mean() < best.correct.mean():
            best = outcomes._replace(name=f"a budget of {epsilon:g}")
    return fall


def budget(subject: Subject, epsilon: float) -> str:
    """A budget in words."""
    norm = {"linf": "L∞", "l2": "L2"}.get(subject.traits.norm, subject.traits.norm)
    return f"{norm} distance {epsilon:g}" if math.isfinite(epsilon) else f"any {norm} distance"


def percent(correct: DoubleArray) -> str:
    """The share that is fooled, in words."""
    return f"{100 * (1 - float(np.mean(correct))):.1f} %" if len(correct) else "none"
