"""Findings of the diagnostics by themselves: numbers that are not finite, budgets broken, gradients that vanish."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from qaml.judge.findings.check import OfAttack, Raised, too_few
from qaml.judge.findings.subject import UNBOUNDED, Subject
from qaml.judge.statistics.exact import binomial_excess
from qaml.judge.statistics.wilson import wilson
from qaml.metrics.evidence import Diagnosis

ENOUGH_IMAGES = 100
ZERO_WEAK, ZERO_NOTE = 0.10, 0.01
UNBOUNDED_SUCCESS = 0.99
PLANTED_MISSED, PLANTED_IMAGES, P_VALUE = 0.10, 5, 0.001
MARGINS = 0.01


def _has_any(flags: NDArray[np.bool_] | None) -> bool:
    return flags is not None and len(flags) > 0


def _non_finite(_: Subject, diagnosis: Diagnosis) -> Iterator[Raised]:
    if diagnosis.non_finite:
        n = len(diagnosis.indices)
        yield Raised(f"{diagnosis.non_finite} of {n} images have logits or gradients that are not finite")


def _no_answer(subject: Subject, diagnosis: Diagnosis) -> Iterator[Raised]:
    if diagnosis.unanswered:
        yield Raised(f"{subject.model} gives no answer (NaN) to {diagnosis.unanswered} adversarials of the diagnostics")


def _outside(_: Subject, diagnosis: Diagnosis) -> Iterator[Raised]:
    if diagnosis.outside:
        yield Raised(f"{diagnosis.outside} adversarials leave the budget ε = {diagnosis.epsilon:g} or the bounds")


def _margins(_: Subject, diagnosis: Diagnosis) -> Iterator[Raised]:
    below = np.asarray(diagnosis.margin_below_precision)
    if below.sum() >= 2:
        n, share = len(diagnosis.indices), float(np.mean(below))
        message = f"{100 * share:.1f} % of {n} images have a logit margin below the arithmetic's error"
        yield Raised(message, None if share > MARGINS else "note")


def _probabilities(_: Subject, diagnosis: Diagnosis) -> Iterator[Raised]:
    if diagnosis.outputs_are_probabilities:
        yield Raised("the outputs of every image sum to one, and some are saturated")


def _zero_gradients(_: Subject, diagnosis: Diagnosis) -> Iterator[Raised]:
    if len(diagnosis.indices) < ENOUGH_IMAGES:
        yield too_few(len(diagnosis.indices))
        return
    zero = diagnosis.zero_gradient[diagnosis.clean_correct]
    share = float(np.mean(zero)) if len(zero) else 0.0
    if share > ZERO_NOTE:
        message = f"{100 * share:.1f} % of {len(zero)} clean-correct images have a gradient of exactly zero"
        yield Raised(message, None if share > ZERO_WEAK else "note")


def _unbounded(_: Subject, diagnosis: Diagnosis) -> Iterator[Raised]:
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


def _planted(subject: Subject, diagnosis: Diagnosis) -> Iterator[Raised]:
    """More than a tenth missed, beyond chance: sound attacks miss 5 to 8 % on models with two features."""
    missed = np.asarray(diagnosis.planted_missed)
    n_missed, n = int(missed.sum()), len(missed)
    p = binomial_excess(n_missed, n, PLANTED_MISSED)
    if n_missed < PLANTED_IMAGES or p >= P_VALUE:
        return
    message = f"{n_missed} of {n} planted adversarials were missed (10 % may be, p = {p:.1g})"
    # one step is not expected to find every adversarial: the claim says itself that it used one
    yield Raised(message, None if subject.traits.takes_steps else "note")


def _check(
    name: str,
    raised_by: Callable[[Subject, Diagnosis], Iterator[Raised]],
    could_be_raised: Callable[[Diagnosis], bool] = lambda _: True,
    *,
    is_of_attack: bool = True,
) -> OfAttack:
    """A check of the diagnostics: of the model itself, or of what an attack on it meets."""

    def could(subject: Subject) -> bool:
        diagnosis = subject.diagnosis
        return diagnosis is not None and (subject.is_diagnosed or not is_of_attack) and could_be_raised(diagnosis)

    def found(subject: Subject) -> Iterator[Raised]:
        assert subject.diagnosis is not None
        yield from raised_by(subject, subject.diagnosis)

    return OfAttack(name, could, found)


CHECKS = (
    _check("non_finite", _non_finite, is_of_attack=False),
    _check("no_answer", _no_answer, is_of_attack=False),
    _check("outside_budget", _outside, is_of_attack=False),
    _check("margin_below_precision", _margins, lambda one: _has_any(one.margin_below_precision), is_of_attack=False),
    _check("zero_gradients", _zero_gradients),
    _check("unbounded_attack_fails", _unbounded, lambda one: UNBOUNDED in one.correct and not one.is_constant),
    _check("planted_missed", _planted, lambda one: _has_any(one.planted_missed)),
    _check("probabilities_as_logits", _probabilities),
)
