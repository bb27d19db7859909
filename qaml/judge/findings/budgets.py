"""The finding about adversarials of a claim's own attack that break its threat model."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfAdversarials, Raised
from qaml.judge.findings.subject import Subject


def _outside(subject: Subject) -> Iterator[Raised]:
    """Adversarials outside the attack's budget or the bounds, counted where they were made."""
    attacked, outside = subject.attacked, np.asarray(subject.attacked.outside)
    if not outside.any():
        return
    seed, row, image = (int(axis[0]) for axis in np.nonzero(outside))
    epsilon, count = attacked.epsilons[row], int(outside[seed, row].sum())
    budget = f"the budget ε = {epsilon:g}" if math.isfinite(epsilon) else "the distance that the attack claims"
    yield Raised(
        f"{count} of {len(attacked.indices)} adversarials of {subject.traits.name} break {budget} or the bounds "
        f"(training run {seed}, the first is image {int(attacked.indices[image])} of the test split)"
    )


CHECKS = (OfAdversarials("outside_budget", lambda one: one.attacked.outside is not None, _outside),)
