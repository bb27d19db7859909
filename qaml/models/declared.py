"""What a user declares of a classifier's logits, found by evaluating it and verified before it is believed.

Exact distances follow from affine logits and from logits s·xᵀO_kx/‖x‖² (``docs/exact.md``). A declaration is no proof:
weights are measured, and logits are compared with what the declaration predicts at random points, at the bounds'
corners, and wherever a distance is computed. A deviation in between is left to attacks, which are held against the
exact distances.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from qaml.errors import PartError
from qaml.models.points import finite, points_within
from qaml.types import InputInfo

BATCH = 256
VERIFIED = 64
"""Number of random points, and of random corners, at which logits are compared."""
NEAR = 1e-3
"""Distance from a corner, as a share of the bounds' width."""
RESOLUTION = 1e-4
"""Largest difference by rounding in float32, as a share of the sum of the absolute terms of a logit."""


def affine_of(module: nn.Module, info: InputInfo) -> tuple[Tensor, Tensor]:
    """Measure weights and biases of logits that are declared to be affine in the inputs, and verify them.

    Args:
        module: (batch, *shape) → (batch, n_classes), in evaluation mode.
        info: description of the inputs; points are within its bounds.

    Returns:
        W (n_classes, n_features) and b (n_classes,), float64, from differences along every coordinate.

    Raises:
        PartError: the logits are not affine.
    """
    low, high = finite(info)
    centre, half = (low + high) / 2, (high - low) / 2
    module = module.double()
    try:
        slopes = [
            (_logits(module, centre + step) - _logits(module, centre - step)) / (2 * half)
            for step in _steps(info, half)
        ]
        weights = torch.cat(slopes).T
        middle = torch.full((1, *info.shape), centre, dtype=torch.float64)
        biases = _logits(module, middle)[0] - weights.sum(1) * centre
    finally:
        module.float()
    check_affine(module, weights, biases, torch.cat([points_within(info, VERIFIED, seed=1), _corners(info)]))
    return weights, biases


def check_affine(module: nn.Module, weights: Tensor, biases: Tensor, points: Tensor) -> None:
    """Compare logits with Wx + b.

    Args:
        module: (batch, *shape) → (batch, n_classes).
        weights: (n_classes, n_features) float64.
        biases: (n_classes,) float64.
        points: (n, *shape) float32.

    Raises:
        PartError: they differ by more than rounding explains.
    """
    flat, answers = points.flatten(1).double(), _logits(module, points)
    predicted = flat @ weights.T + biases
    size = flat.abs() @ weights.abs().T + biases.abs()
    _refuse_difference(answers, predicted, RESOLUTION * size.amax(1, keepdim=True), "linear: true", "affine")


def check_quadratic(module: nn.Module, observables: Tensor, points: Tensor) -> None:
    """Compare logits with s·xᵀO_kx/‖x‖², for one s > 0.

    Args:
        module: (batch, *shape) → (batch, n_classes).
        observables: (n_classes, n_features, n_features).
        points: (n, *shape) float32, none of them all zero.

    Raises:
        PartError: the matrices are not symmetric, or logits differ by more than rounding explains.
    """
    matrices, flat = observables.detach().double(), points.flatten(1).double()
    expected = (points.shape[1:].numel(),) * 2
    if matrices.ndim != 3 or tuple(matrices.shape[1:]) != expected or not matrices.isfinite().all():
        raise PartError(
            f"'observables()' returned {tuple(observables.shape)}, expected finite matrices of shape "
            f"(n_classes, {expected[0]}, {expected[1]})"
        )
    if (matrices - matrices.mT).abs().amax() > RESOLUTION * matrices.abs().amax():
        raise PartError("'observables()' returned matrices that are not symmetric", "return (O + Oᵀ)/2")
    answers = _logits(module, points)
    if answers.shape[1] != len(matrices):
        raise PartError(f"'observables()' returned {len(matrices)} matrices, expected one a class: {answers.shape[1]}")
    values = torch.einsum("bi,kij,bj->bk", flat, matrices, flat) / flat.square().sum(1, keepdim=True)
    scale = (answers * values).sum() / values.square().sum().clamp(min=torch.finfo(torch.float64).tiny)
    size = scale.abs() * torch.linalg.matrix_norm(matrices, ord=2).amax()
    if not scale > 0 and bool((answers.abs() > 0).any()):
        raise PartError("logits and xᵀO_kx/‖x‖² have opposite signs", "return the observables of these very logits")
    _refuse_difference(answers, scale * values, RESOLUTION * size, "observables: true", "s·xᵀO_kx/‖x‖²")


def _refuse_difference(answers: Tensor, predicted: Tensor, most: Tensor, field: str, form: str) -> None:
    difference = (answers - predicted).abs()
    if bool((difference <= most).all()):
        return
    row, place = divmod(int(torch.nan_to_num(difference, nan=torch.inf).argmax()), answers.shape[1])
    raise PartError(
        f"'{field}' does not hold: logit {place} of a point is {float(answers[row, place]):.6g}, and would be "
        f"{float(predicted[row, place]):.6g} if logits were {form}",
        "leave the declaration out: attacks then search as for any other module",
    )


def _steps(info: InputInfo, size: float) -> Iterator[Tensor]:
    """Steps along every coordinate, (batch, *shape) float64 each."""
    for places in torch.split(torch.arange(info.n_features), BATCH):
        steps = torch.zeros((len(places), info.n_features), dtype=torch.float64)
        steps[torch.arange(len(places)), places] = size
        yield steps.reshape(-1, *info.shape)


def _corners(info: InputInfo) -> Tensor:
    """Points next to corners of the bounds; corners themselves may be all zero, which some modules refuse."""
    low, high = finite(info)
    generator = torch.Generator().manual_seed(2)
    is_high = torch.rand((VERIFIED, *info.shape), generator=generator) < 0.5
    return torch.where(is_high, high - NEAR * (high - low), low + NEAR * (high - low)).float()


@torch.no_grad()
def _logits(module: nn.Module, points: Tensor) -> Tensor:
    """Logits in float64, on the CPU."""
    place = next((held.device for held in module.state_dict().values() if isinstance(held, Tensor)), points.device)
    return torch.cat([module(some.to(place)) for some in torch.split(points, BATCH)]).double().cpu()
