"""Norms of perturbations, projection on ball and box, and random perturbations; measured in float64."""

from __future__ import annotations

import torch
from torch import Tensor

from qaml.types import Bounds
from qaml.vocab import Norm


def single_precision(bounds: Bounds) -> Bounds:
    """The bounds rounded to float32: 0.3 is 0.30000001 there, and a clean pixel at the bound is not outside."""
    low, high = torch.tensor([bounds.low, bounds.high], dtype=torch.float32).tolist()
    return Bounds(low, high)


def closed_around(bounds: Bounds, inputs: Tensor, reach: float = 0.0) -> Bounds:
    """Finite bounds around inputs: a side without a limit ends where the inputs do, and ``reach`` beyond.

    No perturbation of that size leaves them, so an engine that needs an interval loses nothing. With a reach of zero
    they are the range of the inputs, which gives lengths a scale.

    Args:
        bounds: bounds of every coordinate.
        inputs: (n, *shape), n at least 1 where a side has no limit.
        reach: the largest change of a coordinate.
    """
    if bounds.is_finite:
        return bounds
    return bounds.closed(float(inputs.min()) - reach, float(inputs.max()) + reach)


def perturbation_norms(clean: Tensor, perturbed: Tensor, norm: Norm) -> Tensor:
    """The size of each perturbation.

    Args:
        clean: (n, *shape).
        perturbed: (n, *shape).
        norm: ``linf`` or ``l2``.

    Returns:
        (n,) float64.
    """
    difference = (perturbed.double() - clean.double()).flatten(1)
    norms: Tensor = torch.linalg.vector_norm(difference, ord=float("inf") if norm == "linf" else 2, dim=1)
    return norms


def project(perturbed: Tensor, clean: Tensor, epsilon: float, norm: Norm, bounds: Bounds) -> Tensor:
    """The nearest float32 input within the budget and the bounds; a non-finite coordinate becomes the clean one.

    Args:
        perturbed: (n, *shape).
        clean: (n, *shape) within bounds.
        epsilon: the budget.
        norm: norm of the budget.
        bounds: bounds of every coordinate.

    Returns:
        (n, *shape) float32.
    """
    low, high = single_precision(bounds)
    finite = torch.where(torch.isfinite(perturbed), perturbed, clean).clamp(low, high)
    if norm == "linf":
        return _into_cube(finite, clean, epsilon)
    return _into_sphere(finite, clean, epsilon)


def _into_cube(perturbed: Tensor, clean: Tensor, epsilon: float) -> Tensor:
    exact = perturbed.double().clamp(clean.double() - epsilon, clean.double() + epsilon)
    return _round_towards(clean, exact)


def _into_sphere(perturbed: Tensor, clean: Tensor, epsilon: float) -> Tensor:
    sizes = perturbation_norms(clean, perturbed, "l2")
    factor = (epsilon / sizes.clamp(min=1e-300)).clamp(max=1.0).reshape(-1, *[1] * (clean.ndim - 1))
    exact = clean.double() + factor * (perturbed.double() - clean.double())
    return _round_towards(clean, torch.where(factor < 1, exact, perturbed.double()))


def _round_towards(clean: Tensor, exact: Tensor) -> Tensor:
    """Round to float32 towards the clean input, so that no perturbation grows out of its budget."""
    rounded = exact.float()
    grown = (rounded.double() - clean.double()).abs() > (exact - clean.double()).abs()
    return torch.where(grown, torch.nextafter(rounded, clean), rounded)


def random_perturbations(like: Tensor, epsilon: float, norm: Norm, generator: torch.Generator) -> Tensor:
    """Random perturbations of a budget: uniform in the cube (linf) or on the sphere (l2).

    Args:
        like: (n, *shape) gives shape and device.
        epsilon: half the cube's side, or the sphere's radius.
        norm: ``linf`` or ``l2``.
        generator: a generator on the CPU, the only source of randomness.

    Returns:
        (n, *shape) float32.
    """
    if norm == "linf":
        noise = torch.rand(like.shape, generator=generator) * (2 * epsilon) - epsilon
    else:
        direction = torch.randn(like.shape, generator=generator)
        noise = direction * (epsilon / torch.linalg.vector_norm(direction.flatten(1), dim=1).clamp(min=1e-12)).reshape(
            -1, *[1] * (like.ndim - 1)
        )
    return noise.to(like.device)


def is_outside(perturbed: Tensor, clean: Tensor, budgets: Tensor, norm: Norm, bounds: Bounds | None) -> Tensor:
    """Which perturbed inputs break ε(1 + 1e-5) + 1e-6 or the bounds, or are not finite.

    Args:
        perturbed: (n, *shape).
        clean: (n, *shape).
        budgets: (n,) float64, the budget of each.
        norm: norm of the budgets.
        bounds: bounds of every coordinate; ``None`` where they may be left.

    Returns:
        (n,) bool.
    """
    sizes = perturbation_norms(clean, perturbed, norm)
    beyond = ~(sizes <= budgets * (1 + 1e-5) + 1e-6)
    if bounds is not None:
        values = perturbed.flatten(1)
        beyond |= (values > bounds.high + 1e-6).any(1) | (values < bounds.low - 1e-6).any(1)
    return beyond | ~perturbed.flatten(1).isfinite().all(1)
