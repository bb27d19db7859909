"""The finding about adversarials of a claim's own attack that break its threat model."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.names import raised
from qaml.metrics.evidence import Attacked, AttackTraits
from qaml.outcome.outcome import Finding


def outside_budget(model: str, traits: AttackTraits, attacked: Attacked) -> Iterator[Finding]:
    """Adversarials outside the attack's budget or the bounds, counted where they were made."""
    if attacked.outside is None or not attacked.outside.any():
        return
    seed, row, image = (int(axis[0]) for axis in np.nonzero(attacked.outside))
    epsilon, count = attacked.epsilons[row], int(attacked.outside[seed, row].sum())
    budget = f"the budget ε = {epsilon:g}" if math.isfinite(epsilon) else "the distance that the attack claims"
    message = (
        f"{count} of {len(attacked.indices)} adversarials of {traits.name} break {budget} or the bounds (training run "
        f"{seed}, the first is image {int(attacked.indices[image])} of the test split)"
    )
    yield raised("outside_budget", model, traits.name, message)
