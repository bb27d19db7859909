"""Findings about attacks that are invalid: adversarials that break the threat model, random perturbations."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfAdversarials, OfAttack, Raised
from qaml.judge.findings.cures import A_SEARCH
from qaml.judge.findings.subject import Subject


def _outside(subject: Subject) -> Iterator[Raised]:
    """Raised for adversarials outside the attack's budget or the bounds, which the attacking step counts."""
    attacked, outside = subject.attacked, np.asarray(subject.attacked.outside)
    if not outside.any():
        return
    seed, row, image = (int(axis[0]) for axis in np.nonzero(outside))
    epsilon, count = attacked.epsilons[row], int(outside[seed, row].sum())
    budget = f"the budget ε = {epsilon:g}" if math.isfinite(epsilon) else "the distance that the attack claims"
    yield Raised(
        f"{count} of {len(attacked.indices)} adversarials of {subject.traits.name} break {budget} or the bounds "
        f"(training run {seed}, the first is image {int(attacked.indices[image])} of its split)"
    )


def _no_search(subject: Subject) -> Iterator[Raised]:
    if not subject.traits.is_search:
        yield Raised(f"{subject.traits.name} draws perturbations at random")


CHECKS = (
    OfAdversarials("outside_budget", lambda one: one.attacked.outside is not None, _outside),
    OfAttack("no_search", lambda _: True, _no_search, (A_SEARCH,)),
)
