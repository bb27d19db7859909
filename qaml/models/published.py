"""Trained numbers of a file, put into a circuit's parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from qaml.errors import PartError
from qaml.models.published_part import Arranged, Group, Published, Wanted, arranged


def load_published(module: nn.Module, content: bytes, weights: Published, wanted: Mapping[Group, Wanted]) -> None:
    """Put the file's numbers into the module's parameters, in the precision of these.

    Args:
        module: a circuit, whose parameters have the names of ``wanted``.
        content: a safetensors file.
        weights: which of its arrays are which numbers, and in which order.
        wanted: the numbers of the circuit.

    Raises:
        PartError: the file is damaged, its arrays are not the circuit's numbers, or one of them is not finite.
    """
    try:
        held = load(content)
    except SafetensorError as error:
        raise PartError(f"the weights are no safetensors file: {error}", "save them with safetensors.torch") from error
    shapes = {name: tuple(array.shape) for name, array in held.items()}
    with torch.no_grad():
        for group, arrays in arranged(weights, wanted, shapes).items():
            numbers = _in_order(held, arrays)
            if weights.rotation == "u3" and group == "angles":
                numbers = _as_rot(numbers, wanted[group].rotations)
            parameter = module.get_parameter(group)
            parameter.copy_(numbers.reshape(parameter.shape))
            if not parameter.isfinite().all():  # after rounding: 1e300 is finite in a file's float64 alone
                raise PartError(f"the weights hold {group} that are no finite numbers in {parameter.dtype}")


def _in_order(held: Mapping[str, Tensor], arrays: Arranged) -> Tensor:
    """The arrays one after another, flat, in float64."""
    found = [held[name].double() for name in arrays.names]
    return torch.cat([(each if arrays.axes is None else each.permute(arrays.axes)).flatten() for each in found])


def _as_rot(numbers: Tensor, rotations: tuple[int, ...]) -> Tensor:
    """The triples (θ, φ, λ) of RZ(φ) RY(θ) RZ(λ) as (φ, θ, ω) of RZ(ω) RY(θ) RZ(φ)."""
    first = torch.tensor(rotations, dtype=torch.long)
    theta, phi, lam = (numbers[first + i] for i in range(3))
    turned = numbers.clone()
    turned[first], turned[first + 1], turned[first + 2] = lam, theta, phi
    return turned
