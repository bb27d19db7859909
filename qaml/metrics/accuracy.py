"""Accuracies and shares, from clean and attacked evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qaml.budgets import TOLERANCE, is_within, place_on_grid
from qaml.metrics.contributions import Contributions, align, ratio, share
from qaml.metrics.evidence import Attacked, Clean
from qaml.metrics.worst_case import Candidate, worst_case
from qaml.types import DoubleArray, IntArray


class Threat(NamedTuple):
    """An attack's evidence, and the budget up to which it counts."""

    attacked: Attacked
    epsilon: float


class Joint(NamedTuple):
    """Clean and worst-case correctness of the same images, (seeds, n) each."""

    clean: DoubleArray
    robust: DoubleArray
    indices: IntArray


def place_of(attacked: Attacked, epsilon: float) -> int:
    """The place of a budget on an attack's grid.

    Raises:
        ValueError: the grid lacks it.
    """
    place = place_on_grid(attacked.epsilons, epsilon)
    if place is None:
        grid = ", ".join(f"{e:g}" for e in attacked.epsilons)
        raise ValueError(f"epsilon {epsilon:g} is not on the attack's grid ({grid})")
    return place


def clean_accuracy(clean: Clean) -> Contributions:
    """Share of clean images classified correctly."""
    (correct,), indices = align([(clean.correct, clean.indices)])
    return share(correct, indices)


def correct_at(attacked: Attacked, epsilon: float, clean: Clean | None = None) -> Contributions:
    """Correctness on the adversarials of one budget; the clean input where the attack needs more than the budget.

    Raises:
        ValueError: the budget is not on the attack's grid, and there are no norms (with clean evidence) that decide.
    """
    is_known = attacked.norms is not None and clean is not None and is_within(epsilon, attacked.epsilons[-1])
    if place_on_grid(attacked.epsilons, epsilon) is not None or not is_known:
        place = place_of(attacked, epsilon)
        (correct,), indices = align([(attacked.correct[:, place], attacked.indices)])
        return share(correct, indices)
    assert attacked.norms is not None
    assert clean is not None
    rows, indices = align(
        [
            (clean.correct, clean.indices),
            (attacked.correct[:, -1], attacked.indices),
            (attacked.norms, attacked.indices),
        ]
    )
    return share(np.where(rows[2] <= epsilon, rows[1], rows[0]), indices)


def accuracy_under_attack(attacked: Attacked, epsilon: float, clean: Clean | None = None) -> Contributions:
    """Share of adversarials of one attack and one budget that are classified correctly: raw, the papers' number."""
    return correct_at(attacked, epsilon, clean)


def joint(clean: Clean, threats: Sequence[Threat]) -> Joint:
    """Clean correctness beside correctness on the worst of clean input, every attack, every budget up to its limit.

    A minimisation attack fools an image at ε if the norm it found is ≤ ε; attacks on other images than the clean
    evidence are paired by index.
    """
    evidence = [(clean.correct, clean.indices)]
    draws = [clean.draws]
    for attacked, limit in threats:
        for place, epsilon in enumerate(attacked.epsilons):
            if is_within(epsilon, limit):
                evidence.append((attacked.correct[:, place], attacked.indices))
                draws.append(attacked.draws)
        if attacked.norms is not None and attacked.draws == 1:
            survives = (attacked.norms > limit * (1 + TOLERANCE)).astype(np.float32)
            evidence.append((survives, attacked.indices))
            draws.append(1)
    rows, indices = align(evidence)
    worst = worst_case([Candidate(row, k) for row, k in zip(rows, draws, strict=True)])
    return Joint(rows[0], worst, indices)


def robust_accuracy(clean: Clean, threats: Sequence[Threat]) -> Contributions:
    """Share of images that are clean-correct and fooled by none of the attacks at any budget up to theirs."""
    both = joint(clean, threats)
    return share(both.robust, both.indices)


def retained(clean: Clean, threats: Sequence[Threat]) -> Contributions:
    """Robust accuracy as a share of clean accuracy on the same images."""
    both = joint(clean, threats)
    return ratio(np.minimum(both.robust, both.clean) if clean.draws == 1 else both.robust, both.clean, both.indices)


def attack_success_rate(clean: Clean, attacked: Attacked, epsilon: float) -> Contributions:
    """Share of the clean-correct images that one attack at one budget turns wrong."""
    after = correct_at(attacked, epsilon, clean)
    (before, kept), indices = align([(clean.correct, clean.indices), (after.values, after.indices)])
    return ratio(before * (1 - kept), before, indices)


def certified_accuracy(clean: Clean, attacked: Attacked, radius: float) -> Contributions:
    """Share of images that are clean-correct and farther than ε from every other answer: no attack can fool them.

    Args:
        clean: clean evidence of a deterministic model.
        attacked: its ``norms`` are exact distances, or lower bounds of them; every ε will do.
        radius: ε, in the norm of ``attacked``.

    Raises:
        ValueError: the attack measured no norms.
    """
    if attacked.norms is None:
        raise ValueError("certified_accuracy needs an attack of kind 'exact_l2'")
    (correct, norms), indices = align([(clean.correct, clean.indices), (attacked.norms, attacked.indices)])
    return share(np.where(norms > radius, correct, 0.0), indices)
