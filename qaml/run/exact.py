"""Exact L2 distances of a trained classifier, where mathematics has them (DESIGN, section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn


def lengths_of(inputs: Tensor) -> NDArray[np.float64]:
    """‖x‖₂ of each input: (n, *shape) → (n,) float64."""
    lengths: NDArray[np.float64] = inputs.flatten(1).double().norm(dim=1).cpu().numpy()
    return lengths


def exact_norms(module: nn.Module, inputs: Tensor, labels: Tensor) -> NDArray[np.float64] | None:
    """Exact L2 distances to the nearest other answer, bounds ignored.

    Args:
        module: with ``observables()`` (logits xᵀO_kx/‖x‖², times a positive scale at most), or linear.
        inputs: (n, *shape).
        labels: (n,) true labels.

    Returns:
        (n,) float64: zero where the answer is wrong, infinite where there is no adversarial; None for other models.
    """
    from qaml.models.linear.network import LinearClassifier
    from qaml.quantum.distance.implementation import exact_l2, hyperplane_l2

    flat = inputs.flatten(1).double().cpu().numpy()
    true = labels.cpu().numpy()
    if isinstance(module, LinearClassifier):
        weights, bias = (parameter.detach().double().cpu().numpy() for parameter in module.output.parameters())
        return hyperplane_l2(weights, bias, flat, true).norms
    if not hasattr(module, "observables"):
        return None
    observables = module.observables().detach().double().cpu().numpy()  # type: ignore[operator]
    return exact_l2(observables, flat, true).norms
