"""Metrics of a falling curve: the position where a share of images crosses a level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from qaml.budgets import TOLERANCE, shared_budgets
from qaml.metrics.accuracy import Threat, clean_accuracy, place_of, robust_accuracy
from qaml.metrics.contributions import Contributions, align, share
from qaml.metrics.evidence import Attacked, Clean
from qaml.types import DoubleArray, IntArray


class FallingShare(NamedTuple):
    """A share of images that falls along an axis, and the level whose crossing is the metric.

    Attributes:
        at: position → contributions of the share there.
        positions: increasing places where the share is known.
        level: level below which the share falls.
        interpolates: linear between positions; otherwise a step after each position.
    """

    at: Callable[[float], Contributions]
    positions: DoubleArray
    level: float
    interpolates: bool


def norm_quantile(clean: Clean, attacks: Sequence[Attacked], quantile: float) -> FallingShare:
    """Quantile over images of the smallest adversarial norm over the attacks.

    The share of images whose norm exceeds x falls below 1 − quantile at the metric's value. An image that is wrong
    without any perturbation has norm zero; one that no attack fooled has norm infinity.

    Raises:
        ValueError: an attack measured no norms.
    """
    if any(attacked.norms is None for attacked in attacks):
        raise ValueError("norm_quantile needs attacks that look for the smallest perturbation")
    pairs = [(attacked.norms, attacked.indices) for attacked in attacks if attacked.norms is not None]
    rows, indices = align([(clean.correct, clean.indices), *pairs])
    return _quantile(np.where(rows[0] < 0.5, 0.0, np.min(rows[1:], axis=0)), indices, quantile)


def shots_quantile(seen: Clean | Attacked, quantile: float, epsilon: float | None = None) -> FallingShare:
    """Quantile over images of the shots after which a circuit's sampled answer is its exact one with 99 %.

    An image on the boundary between two classes needs infinitely many. Whether the exact answer is right is another
    question: every image counts.

    Args:
        seen: a circuit's evidence, on clean or on attacked images.
        quantile: 0 … 1.
        epsilon: the budget of attacked images.

    Raises:
        ValueError: the model is no circuit, or the attack was not run at this budget.
    """
    if seen.shots is None:
        raise ValueError("shots_needed needs a model that is a quantum circuit, with no defence around it")
    shots = seen.shots
    if isinstance(seen, Attacked):
        shots = shots[:, place_of(seen, seen.epsilons[-1] if epsilon is None else epsilon)]
    (rows,), indices = align([(shots, seen.indices)])
    return _quantile(rows, indices, quantile)


def _quantile(values: DoubleArray, indices: IntArray, quantile: float) -> FallingShare:
    """The smallest value that a share of at most 1 − quantile of the images exceeds; values: (seeds, n)."""

    def exceeds(position: float) -> Contributions:
        return share((values > position).astype(np.float64), indices)

    return FallingShare(exceeds, np.unique(values[np.isfinite(values)]), 1 - quantile, interpolates=False)


def common_grid(attacks: Sequence[Attacked]) -> tuple[float, ...]:
    """The budgets that are on every attack's grid, increasing."""
    return shared_budgets([attacked.epsilons for attacked in attacks])


def epsilon_at(clean: Clean, attacks: Sequence[Attacked], level: float) -> FallingShare:
    """The budget at which robust accuracy falls below a level, linear between the budgets of the common grid.

    The curve starts with clean accuracy at ε = 0 and is cumulative, so it never rises.

    Raises:
        ValueError: the attacks share no finite budget.
    """
    grid = tuple(e for e in common_grid(attacks) if np.isfinite(e) and e > 0)
    if not grid:
        raise ValueError("epsilon_at needs attacks with a common grid of finite budgets")
    curve = [clean_accuracy(clean), *(robust_accuracy(clean, [Threat(a, e) for a in attacks]) for e in grid)]
    rows, indices = align([(point.values, point.indices) for point in curve])
    positions = np.array([0.0, *grid])

    def interpolated(position: float) -> Contributions:
        right = int(np.searchsorted(positions, position * (1 - TOLERANCE)))
        if right == 0:
            return share(rows[0], indices)
        left = right - 1
        part = (position - positions[left]) / (positions[right] - positions[left])
        return share((1 - part) * rows[left] + part * rows[right], indices)

    return FallingShare(interpolated, positions, level, interpolates=True)
