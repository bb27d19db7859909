"""Findings of the diagnostics alone: numbers that are not finite, broken budgets, gradients that vanish."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfAttack, Raised, too_few
from qaml.judge.findings.contest import ENOUGH_IMAGES, P_VALUE
from qaml.judge.findings.subject import UNBOUNDED, Subject
from qaml.judge.statistics.exact import binomial_excess
from qaml.judge.statistics.wilson import wilson
from qaml.types import BoolArray

ZERO_WEAK, ZERO_NOTE = 0.10, 0.01
UNBOUNDED_SUCCESS = 0.99
PLANTED_MISSED, PLANTED_IMAGES = 0.10, 5
MARGINS = 0.01


def _has_run(subject: Subject) -> bool:
    return subject.diagnosis is not None


def _has_room(subject: Subject) -> bool:
    """Whether the battery left the budget, on a model that has more than one answer."""
    return subject.is_diagnosed and UNBOUNDED in subject.battery.correct and not subject.battery.is_constant


def _any(flags: BoolArray | None) -> bool:
    return flags is not None and len(flags) > 0


def _non_finite(subject: Subject) -> Iterator[Raised]:
    diagnosis = subject.battery
    if diagnosis.non_finite:
        n = len(diagnosis.indices)
        yield Raised(f"{diagnosis.non_finite} of {n} images have logits or gradients that are not finite")


def _no_answer(subject: Subject) -> Iterator[Raised]:
    if n := subject.battery.unanswered:
        yield Raised(f"{subject.model} gives no answer (NaN) to {n} adversarials of the diagnostics")


def _outside(subject: Subject) -> Iterator[Raised]:
    diagnosis = subject.battery
    if diagnosis.outside:
        yield Raised(f"{diagnosis.outside} adversarials leave the budget ε = {diagnosis.epsilon:g} or the bounds")


def _margins(subject: Subject) -> Iterator[Raised]:
    below = np.asarray(subject.battery.margin_below_precision)
    if below.sum() >= 2:
        n, share = len(subject.battery.indices), float(np.mean(below))
        message = f"{100 * share:.1f} % of {n} images have a logit margin below the arithmetic's error"
        yield Raised(message, None if share > MARGINS else "note")


def _probabilities(subject: Subject) -> Iterator[Raised]:
    if subject.battery.outputs_are_probabilities:
        yield Raised("the outputs of every image sum to one, and some are saturated")


def _zero_gradients(subject: Subject) -> Iterator[Raised]:
    diagnosis = subject.battery
    if len(diagnosis.indices) < ENOUGH_IMAGES:
        yield too_few(len(diagnosis.indices))
        return
    zero = diagnosis.zero_gradient[diagnosis.clean_correct]
    share = float(np.mean(zero)) if len(zero) else 0.0
    if share > ZERO_NOTE:
        message = f"{100 * share:.1f} % of {len(zero)} clean-correct images have a gradient of exactly zero"
        yield Raised(message, None if share > ZERO_WEAK else "note")


def _unbounded(subject: Subject) -> Iterator[Raised]:
    diagnosis = subject.battery
    if len(diagnosis.indices) < ENOUGH_IMAGES:
        yield too_few(len(diagnosis.indices))
        return
    left = diagnosis.correct[UNBOUNDED][diagnosis.clean_correct]
    if not len(left):
        return
    success = 1 - float(np.mean(left))
    limit = wilson(success, len(left), 0.999).high
    if limit < UNBOUNDED_SUCCESS:
        yield Raised(
            f"PGD with the bounds as only limit fools {100 * success:.1f} % of {len(left)} images "
            f"(99.9 % upper limit {100 * limit:.1f} %, expected 99 or more)"
        )


def _planted(subject: Subject) -> Iterator[Raised]:
    """Raised if over a tenth are missed, beyond chance: sound attacks miss 5 to 8 % on models with two features."""
    missed = np.asarray(subject.battery.planted_missed)
    n_missed, n = int(missed.sum()), len(missed)
    p = binomial_excess(n_missed, n, PLANTED_MISSED)
    if n_missed < PLANTED_IMAGES or p >= P_VALUE:
        return
    message = f"{n_missed} of {n} planted adversarials were missed (10 % may be, p = {p:.1g})"
    # one step is not expected to find every adversarial: the claim says itself that it used one
    yield Raised(message, None if subject.traits.takes_steps else "note")


CHECKS = (
    OfAttack("non_finite", _has_run, _non_finite),
    OfAttack("no_answer", _has_run, _no_answer),
    OfAttack("outside_budget", _has_run, _outside),
    OfAttack(
        "margin_below_precision", lambda one: _has_run(one) and _any(one.battery.margin_below_precision), _margins
    ),
    OfAttack("zero_gradients", lambda one: one.has_seen_gradients, _zero_gradients),
    OfAttack("unbounded_attack_fails", _has_room, _unbounded),
    OfAttack("planted_missed", lambda one: one.has_seen_gradients and _any(one.battery.planted_missed), _planted),
    OfAttack("probabilities_as_logits", lambda one: one.has_seen_gradients, _probabilities),
)
