"""Exact distances of a trained classifier, where they can be computed (``docs/exact.md``)."""

from __future__ import annotations

from qaml.types import Bounds, DoubleArray, Module, Tensor
from qaml.vocab import Norm


def lengths_of(inputs: Tensor) -> DoubleArray:
    """‖x‖₂ of each input: (n, *shape) → (n,) float64."""
    lengths: DoubleArray = inputs.flatten(1).double().norm(dim=1).cpu().numpy()
    return lengths


def exact_norms(module: Module, inputs: Tensor, labels: Tensor) -> DoubleArray | None:
    """Exact L2 distances to the nearest other answer, bounds ignored.

    Args:
        module: any classifier; linear ones and those with ``observables()`` have exact distances.
        inputs: (n, *shape).
        labels: (n,) true labels.

    Returns:
        (n,) float64, zero where the answer is wrong, infinite where there is no adversarial; ``None`` for other models.
    """
    from qaml.attacks.exact_l2.projection import exact_distances, has_exact_distances

    return exact_distances(module, inputs, labels).norms if has_exact_distances(module) else None


def exact_norms_in_box(
    module: Module, inputs: Tensor, labels: Tensor, bounds: Bounds, norm: Norm
) -> DoubleArray | None:
    """Exact distances of an affine model to the nearest other answer within the bounds; ``None`` for other models."""
    from qaml.models.capabilities import Affine
    from qaml.quantum.distance.box import hyperplane_in_box

    if not isinstance(module, Affine):
        return None
    weights, bias = (tensor.detach().double().cpu().numpy() for tensor in module.affine_map())
    flat = inputs.detach().flatten(1).double().cpu().numpy()
    return hyperplane_in_box(weights, bias, flat, labels.cpu().numpy(), bounds, norm)
