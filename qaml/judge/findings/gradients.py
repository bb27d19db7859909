"""Findings of the diagnostics by themselves: numbers that are not finite, budgets broken, gradients that vanish."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.names import not_assessed, raised
from qaml.judge.findings.subject import Subject
from qaml.judge.statistics.exact import binomial_excess
from qaml.judge.statistics.wilson import wilson
from qaml.metrics.evidence import Diagnosis
from qaml.outcome.outcome import Finding
from qaml.vocab import Severity

ENOUGH_IMAGES = 100
ZERO_WEAK, ZERO_NOTE = 0.10, 0.01
UNBOUNDED_SUCCESS = 0.99
PLANTED_MISSED, PLANTED_IMAGES, P_VALUE = 0.10, 5, 0.001
MARGINS = 0.01


def of_diagnosis(subject: Subject) -> Iterator[Finding]:
    """What the diagnostics of one model and threat show without comparing attacks."""
    diagnosis = subject.diagnosis
    if diagnosis is None:
        return
    yield from _broken(subject, diagnosis)
    if subject.traits.is_white_box:
        yield from _zero_gradients(subject, diagnosis)
        yield from _unbounded(subject, diagnosis)
        yield from _planted(subject, diagnosis)
        if diagnosis.outputs_are_probabilities:
            message = "the outputs of every image sum to one, and some are saturated"
            yield raised("probabilities_as_logits", subject.model, subject.traits.name, message)


def _broken(subject: Subject, diagnosis: Diagnosis) -> Iterator[Finding]:
    model, attack, n = subject.model, subject.traits.name, len(diagnosis.indices)
    if diagnosis.non_finite:
        message = f"{diagnosis.non_finite} of {n} images have logits or gradients that are not finite"
        yield raised("non_finite", model, attack, message)
    if diagnosis.unanswered:
        message = f"{model} gives no answer (NaN) to {diagnosis.unanswered} adversarials of the diagnostics"
        yield raised("no_answer", model, attack, message)
    if diagnosis.outside:
        message = f"{diagnosis.outside} adversarials leave the budget ε = {diagnosis.epsilon:g} or the bounds"
        yield raised("outside_budget", model, attack, message)
    if diagnosis.margin_below_precision is not None and len(diagnosis.margin_below_precision):
        share = float(np.mean(diagnosis.margin_below_precision))
        if diagnosis.margin_below_precision.sum() >= 2:
            message = f"{100 * share:.1f} % of {n} images have a logit margin below the arithmetic's error"
            yield raised("margin_below_precision", model, attack, message, None if share > MARGINS else "note")


def _zero_gradients(subject: Subject, diagnosis: Diagnosis) -> Iterator[Finding]:
    model, attack = subject.model, subject.traits.name
    if len(diagnosis.indices) < ENOUGH_IMAGES:
        yield not_assessed("zero_gradients", model, attack, len(diagnosis.indices))
        return
    zero = diagnosis.zero_gradient[diagnosis.clean_correct]
    share = float(np.mean(zero)) if len(zero) else 0.0
    if share > ZERO_NOTE:
        message = f"{100 * share:.1f} % of {len(zero)} clean-correct images have a gradient of exactly zero"
        yield raised("zero_gradients", model, attack, message, None if share > ZERO_WEAK else "note")


def _unbounded(subject: Subject, diagnosis: Diagnosis) -> Iterator[Finding]:
    survived = diagnosis.correct.get("unbounded")
    if survived is None or diagnosis.is_constant:
        return
    model, attack = subject.model, subject.traits.name
    if len(diagnosis.indices) < ENOUGH_IMAGES:
        yield not_assessed("unbounded_attack_fails", model, attack, len(diagnosis.indices))
        return
    left = survived[diagnosis.clean_correct]
    if not len(left):
        return
    success = 1 - float(np.mean(left))
    limit = wilson(success, len(left), 0.999).high
    if limit < UNBOUNDED_SUCCESS:
        message = (
            f"PGD with the bounds as only limit fools {100 * success:.1f} % of {len(left)} images "
            f"(99.9 % upper limit {100 * limit:.1f} %, expected 99 or more)"
        )
        yield raised("unbounded_attack_fails", model, attack, message)


def _planted(subject: Subject, diagnosis: Diagnosis) -> Iterator[Finding]:
    """More than a tenth missed, beyond chance: sound attacks miss 5 to 8 % on models with two features."""
    missed = diagnosis.planted_missed
    if missed is None or not len(missed):
        return
    n_missed, n = int(missed.sum()), len(missed)
    p = binomial_excess(n_missed, n, PLANTED_MISSED)
    if n_missed < PLANTED_IMAGES or p >= P_VALUE:
        return
    message = f"{n_missed} of {n} planted adversarials were missed (10 % may be, p = {p:.1g})"
    # one step is not expected to find every adversarial: the claim says itself that it used one
    severity: Severity | None = None if subject.traits.is_iterative or subject.traits.minimises else "note"
    yield raised("planted_missed", subject.model, subject.traits.name, message, severity)
