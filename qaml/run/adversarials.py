"""Checks that an attack's result has the form that the attack promises and keeps to its own threat model."""

from __future__ import annotations

import numpy as np
import torch

from qaml.attacks.base import AttackPart, AttackResult
from qaml.attacks.geometry import is_outside, perturbation_norms
from qaml.errors import RunError
from qaml.types import BoolArray, Bounds, FloatArray

OVERSTATED = 1e-3
"""A reported distance may exceed the perturbation's norm by this share; a larger one does not belong to it."""
EXACT_SLACK = 2e-3
"""An adversarial beyond an exact distance, which is an infimum, is larger by up to a relative 1e-3."""


def check_result(attack: AttackPart, result: AttackResult, start: FloatArray) -> None:
    """Refuse a result that cannot be scored.

    Args:
        attack: the attack that was run.
        result: the result that it returned.
        start: (n, *shape), the images that it started from.

    Raises:
        RunError: the shape, type or number of adversarials, claims or norms is not the one that an attack promises.
    """
    expected = (len(attack.grid), *start.shape)
    _check(attack, "adversarials", result.adversarials, expected, "float32")
    _check(attack, "claimed", result.claimed, expected[:2], "bool")
    if attack.minimises or result.norms is not None:
        _check(attack, "norms", result.norms, (len(start),), "float64")
        if np.isnan(np.asarray(result.norms)).any():
            raise RunError(f"attack {attack.kind!r} returned norms that are NaN", "without success a norm is infinite")


def check_crafted(attack: AttackPart, result: AttackResult, start: FloatArray, bounds: Bounds) -> None:
    """Refuse to train on adversarials that break the attack's budget.

    NaN and infinities are let through: training itself may have produced them.

    Raises:
        RunError: the adversarials have another form, or are outside the budget or the attack's box.
    """
    _check(attack, "adversarials", result.adversarials, (len(attack.grid), *start.shape), "float32")
    finite = np.isfinite(result.adversarials).reshape(len(attack.grid), len(start), -1).all(2)
    if (broken := outside(attack, result, start, bounds) & finite).any():
        raise RunError(
            f"attack {attack.kind!r} breaks its budget ε = {attack.grid[-1]:g} or the bounds in training, for "
            f"{int(broken.sum())} of {broken.size} images",
            "project on the budget and the bounds after the last step",
        )


def _check(attack: AttackPart, name: str, found: object, shape: tuple[int, ...], dtype: str) -> None:
    got = f"{found.dtype} of shape {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
    if not isinstance(found, np.ndarray) or found.shape != shape or found.dtype != np.dtype(dtype):
        raise RunError(
            f"attack {attack.kind!r} returned {name} of another form: expected {dtype} of shape {shape}, got {got}",
            "qaml.testing checks what an attack returns: see AttackResult",
        )


def outside(attack: AttackPart, result: AttackResult, start: FloatArray, bounds: Bounds) -> BoolArray:
    """Whether each adversarial breaks the attack's own budget or box, or is not finite: (n_epsilons, n).

    A minimising attack must also keep to the distance that it claims for each image, and claim no larger one than its
    adversarial has. Attacks that only compute a bound make no adversarials, so nothing of theirs is outside.
    """
    shape = result.adversarials.shape[:2]
    if attack.is_bound or not len(start):
        return np.zeros(shape, dtype=bool)
    clean = torch.from_numpy(start)
    box = None if attack.ignores_bounds else attack.box_within(bounds)
    rows = []
    for budget, found in zip(attack.grid, result.adversarials, strict=True):
        limits = np.full(len(start), budget)
        if result.norms is not None:
            limits = np.minimum(limits, result.norms * (1 + (EXACT_SLACK if attack.needs_exact else 0.0)))
        perturbed = torch.from_numpy(found)
        beyond = is_outside(perturbed, clean, torch.from_numpy(limits), attack.threat_norm, box).numpy()
        if result.norms is not None and np.isinf(budget) and not attack.needs_exact:
            sizes = perturbation_norms(clean, perturbed, attack.threat_norm).numpy()
            beyond |= np.isfinite(result.norms) & (result.norms > sizes * (1 + OVERSTATED) + 1e-6)
        rows.append(beyond)
    return np.stack(rows)
