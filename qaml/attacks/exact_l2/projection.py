"""Exact distances of a torch module, and adversarials a hair beyond its boundary."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.access import access, chunks, is_fooled
from qaml.attacks.base import AttackResult, Progress, Target
from qaml.attacks.exact_l2.part import ExactL2
from qaml.attacks.geometry import perturbation_norms
from qaml.errors import PartError
from qaml.models.capabilities import Affine, Quadratic
from qaml.models.declared import check_affine, check_quadratic
from qaml.models.edge import Edge
from qaml.quantum.distance.smallest import ExactDistances, exact_l2, hyperplane_l2

OVERSHOOTS = (1e-6, 1e-5, 1e-4, 1e-3)
"""Overshoots beyond the boundary to try, as shares of the distance: single-precision logits resolve no less."""
SLACK = 1.0 + 1e-6
"""A perturbation counts as within a budget up to this factor."""
SHARE = 0.9
"""Share of the work that the distances take."""


def attack(
    part: ExactL2, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress
) -> AttackResult:
    """Find the distance of every input to the boundary, and step over it; see ``AttackPart.run``."""
    inputs = inputs.float()
    adversarials = np.empty((len(part.grid), *inputs.shape), dtype=np.float32)
    claimed = np.zeros((len(part.grid), len(inputs)), dtype=np.bool_)
    with access(target, inputs, labels, seed) as module:
        distances = exact_distances(module, inputs, labels, lambda done: progress(SHARE * done))
        nearest = torch.from_numpy(distances.nearest).reshape(inputs.shape)
        pieces = chunks(len(inputs))
        for number, piece in enumerate(pieces):
            clean = inputs[piece]
            beyond = (
                clean if part.is_bound else _step_over(module, clean, nearest[piece].to(clean.device), labels[piece])
            )
            sizes = perturbation_norms(clean, beyond, part.threat_norm)
            for index, budget in enumerate(part.grid):
                within = (sizes <= budget * SLACK).reshape(-1, *[1] * (inputs.ndim - 1))
                answer = torch.where(within, beyond, clean)
                adversarials[index, piece] = answer.cpu().numpy()
                claimed[index, piece] = is_fooled(module, answer, labels[piece]).cpu().numpy()
            progress(SHARE + (1 - SHARE) * (number + 1) / len(pieces))
    norms = distances.norms / inputs[0].numel() ** 0.5 if part.is_bound and len(inputs) else distances.norms
    return AttackResult(adversarials, claimed, norms)


def has_exact_distances(module: nn.Module) -> bool:
    """Whether ``exact_distances`` knows this module."""
    return isinstance(module, Affine | Quadratic)


def exact_distances(
    module: nn.Module, inputs: Tensor, labels: Tensor, progress: Callable[[float], None] | None = None
) -> ExactDistances:
    """Exact L2 distances to a trained classifier's decision boundary, bounds ignored.

    Args:
        module: ``Affine`` or ``Quadratic``; a user's module is verified at the inputs, at the nearest points of the
            boundary, and halfway.
        inputs: (n, *shape); images are flattened.
        labels: (n,) true labels.
        progress: called with the share done.

    Raises:
        PartError: the module is of another kind, or its logits are not what it declares.
    """
    flat = inputs.detach().flatten(1).double().cpu().numpy()
    true = labels.cpu().numpy()
    if isinstance(module, Affine):
        weights, bias = (tensor.detach().double().cpu() for tensor in module.affine_map())
        distances = hyperplane_l2(weights.numpy(), bias.numpy(), flat, true)
        _verify(module, inputs, distances, lambda points: check_affine(module, weights, bias, points))
        return distances
    if isinstance(module, Quadratic):
        matrices = module.observables().detach().double().cpu()
        distances = exact_l2(matrices.numpy(), flat, true, progress)
        _verify(module, inputs, distances, lambda points: check_quadratic(module, matrices, points))
        return distances
    raise PartError(
        f"{type(module).__name__} has no exact distances",
        "attack 'linear', 'quadratic' with 'norm_bounded: true' or 'qvc', without defences inside the classifier",
    )


def _verify(module: nn.Module, inputs: Tensor, distances: ExactDistances, check: Callable[[Tensor], None]) -> None:
    """Hold a user's module against its declaration wherever a distance depends on it; qaml's own are known."""
    if not isinstance(module, Edge):
        return
    nearest = torch.from_numpy(distances.nearest).reshape(inputs.shape).to(inputs)
    points = torch.cat([inputs, nearest, (inputs + nearest) / 2])
    usable = points.flatten(1).isfinite().all(1) & points.flatten(1).any(1)
    if bool(usable.any()):
        check(points[usable])


def _step_over(module: nn.Module, clean: Tensor, nearest: Tensor, labels: Tensor) -> Tensor:
    """The smallest overshoot that flips the prediction; the clean input where none does, or where it is wrong."""
    found = clean.clone()
    pending = ~is_fooled(module, clean, labels)
    for overshoot in OVERSHOOTS:
        rows = pending.nonzero().squeeze(1)
        if not len(rows):
            break
        offsets = nearest[rows] - clean[rows].double()
        beyond = (clean[rows].double() + (1 + overshoot) * offsets).float()
        fooled = is_fooled(module, beyond, labels[rows])
        found[rows[fooled]] = beyond[fooled]
        pending[rows[fooled]] = False
    return found
