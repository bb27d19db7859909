"""Findings of arithmetic: budgets out of reach, counts that disagree, training runs that collapsed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.names import not_assessed, raised
from qaml.judge.findings.subject import Subject
from qaml.metrics.evidence import Clean
from qaml.outcome.outcome import Finding
from qaml.vocab import Severity

COUNT_SHARE, COUNT_IMAGES = 0.001, 2
COLLAPSE_POINTS, COLLAPSE_SPREADS, SMALLEST_SPREAD = 0.40, 5.0, 0.02


def of_arithmetic(subject: Subject) -> Iterator[Finding]:
    """What the attack's configuration and the library's own count show."""
    yield from _reach(subject)
    yield from _count(subject)


def no_search(subject: Subject) -> Iterator[Finding]:
    """The attack draws at random, and nobody looked for the worst."""
    if not subject.traits.is_search:
        message = f"{subject.traits.name} draws perturbations at random"
        yield raised("no_search", subject.model, subject.traits.name, message)


def _reach(subject: Subject) -> Iterator[Finding]:
    traits = subject.traits
    if traits.minimises:
        return
    short = [(e, reach) for e, reach in sorted(traits.reach.items()) if reach < e * (1 - 1e-6)]
    if short:
        epsilon, reach = short[-1]
        message = f"steps × step size is {reach:g}, the budget ε = {epsilon:g}"
        severity: Severity | None = "note" if subject.is_published else None
        yield raised("cannot_reach_epsilon", subject.model, traits.name, message, severity)


def _count(subject: Subject) -> Iterator[Finding]:
    claimed, correct = subject.attacked.claimed, subject.attacked.correct
    if claimed is None or subject.attacked.draws > 1:
        return
    differ = int((claimed != (correct < 0.5)).sum())
    if differ >= COUNT_IMAGES and differ > COUNT_SHARE * correct.size:
        message = f"the library's success differs from ours for {differ} of {correct.size:,} adversarials"
        yield raised("library_count_differs", subject.model, subject.traits.name, message)


def collapsed_seed(model: str, clean: Clean) -> Iterator[Finding]:
    """A training run whose clean accuracy fell far out of the others.

    At least 40 points below the median of all runs, and more than 5 standard deviations of the others below their mean:
    with seeds that differ by 8 points this alarms in fewer than one of a thousand models. Two runs cannot tell.
    """
    accuracies = clean.correct.mean(axis=1)
    if len(accuracies) < 2:
        return
    lowest = int(np.argmin(accuracies))
    others = np.delete(accuracies, lowest)
    gap = float(np.median(accuracies) - accuracies[lowest])
    if len(accuracies) == 2:
        if others[0] - accuracies[lowest] >= COLLAPSE_POINTS:
            yield not_assessed("collapsed_seed", model, None, 2).model_copy(
                update={
                    "message": f"not assessed: clean accuracies of {_shown(accuracies)}, two runs cannot tell",
                    "remedy": "train at least 3 seeds",
                }
            )
        return
    spread = max(float(others.std(ddof=1)), SMALLEST_SPREAD)
    if gap >= COLLAPSE_POINTS and others.mean() - accuracies[lowest] > COLLAPSE_SPREADS * spread:
        message = f"seed {lowest} has a clean accuracy of {100 * accuracies[lowest]:.1f} %, all: {_shown(accuracies)}"
        yield raised("collapsed_seed", model, None, message)


def _shown(accuracies: np.ndarray) -> str:
    return ", ".join(f"{100 * a:.1f} %" for a in accuracies)
