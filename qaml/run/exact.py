"""Exact L2 distances of a trained classifier, where mathematics has them (DESIGN, section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn


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
    from qaml.models.quadratic.network import FreeQuadratic
    from qaml.quantum.distance.implementation import exact_l2, hyperplane_l2

    flat = inputs.flatten(1).double().cpu().numpy()
    true = labels.cpu().numpy()
    if isinstance(module, LinearClassifier):
        weights, bias = (parameter.detach().double().cpu().numpy() for parameter in module.output.parameters())
        return hyperplane_l2(weights, bias, flat, true).norms
    # a free quadratic model has linear and constant terms beside its matrices
    if isinstance(module, FreeQuadratic) or not hasattr(module, "observables"):
        return None
    observables = module.observables().detach().double().cpu().numpy()  # type: ignore[operator]
    return exact_l2(observables, flat, true).norms
