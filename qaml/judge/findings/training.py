"""Findings about a model's training data, and about training runs that failed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfModel, OfRuns, Raised
from qaml.judge.findings.model import ModelEvidence

MOST = 0.01
"""Largest share of the test examples that may be among the training examples, which intervals exceed."""
COLLAPSE_POINTS, COLLAPSE_SPREADS, SMALLEST_SPREAD = 0.40, 5.0, 0.02


def _seen_in_training(evidence: ModelEvidence) -> Iterator[Raised]:
    """Raised for a dataset whose test split shares examples with its training split."""
    repeats = evidence.repeats
    if repeats is not None and repeats.n_repeated:
        count = f"{repeats.n_repeated:,} of the {repeats.n_test:,} test examples of {evidence.model}'s dataset"
        message = f"{count} ({repeats.share:.1%}) are among its training examples, every coordinate the same"
        yield Raised(message, "void" if repeats.share > MOST else "note")


def _diverged(evidence: ModelEvidence) -> Iterator[Raised]:
    """Raised for training runs that end with a loss that is not a number."""
    lost = [
        (seed, 1 + next(epoch for epoch, value in enumerate(curves["loss"]) if math.isnan(value)))
        for seed, curves in enumerate(evidence.history)
        if curves.get("loss") and math.isnan(curves["loss"][-1])
    ]
    if lost:
        (seed, epoch), n = lost[0], len(evidence.history)
        yield Raised(f"the loss of {len(lost)} of {n} training runs is NaN, of run {seed} from epoch {epoch} on")


def _collapsed(evidence: ModelEvidence) -> Iterator[Raised]:
    """Raised for a training run whose clean accuracy is far below those of the others.

    It is at least 40 points below the median of all runs, and more than 5 standard deviations of the others below their
    mean: with seeds that differ by 8 points this is raised for fewer than one of a thousand models. Two runs do not
    show which of them failed.
    """
    accuracies = evidence.clean.correct.mean(axis=1)
    lowest = int(np.argmin(accuracies))
    others = np.delete(accuracies, lowest)
    gap = float(np.median(accuracies) - accuracies[lowest])
    if len(accuracies) == 2:
        if others[0] - accuracies[lowest] >= COLLAPSE_POINTS:
            message = f"not assessed: clean accuracies of {_shown(accuracies)}, two runs cannot tell"
            yield Raised(message, "note", "train at least 3 seeds")
        return
    spread = max(float(others.std(ddof=1)), SMALLEST_SPREAD)
    if gap >= COLLAPSE_POINTS and others.mean() - accuracies[lowest] > COLLAPSE_SPREADS * spread:
        message = f"seed {lowest} has a clean accuracy of {100 * accuracies[lowest]:.1f} %, all: {_shown(accuracies)}"
        yield Raised(message)


def _shown(accuracies: np.ndarray) -> str:
    return ", ".join(f"{100 * a:.1f} %" for a in accuracies)


CHECKS = (
    OfModel("test_in_training", lambda one: one.repeats is not None, _seen_in_training),
    OfModel("training_diverged", lambda one: any(curves.get("loss") for curves in one.history), _diverged),
    OfRuns("collapsed_seed", lambda one: len(one.clean.correct) > 1, _collapsed),
)
