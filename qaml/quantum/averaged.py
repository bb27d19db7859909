"""⟨Z⟩ behind layers with random Y rotations, averaged over the draws: one observable, evolved backwards once.

RY(ηβ) with η ~ N(0, σ²), independent on every wire, averages to ρ → (1 − p)ρ + p YρY (``flip_probability``), and a
channel with real Kraus weights is its own adjoint. So Z of the measured wire is taken back through the layers as a
dense Hermitian matrix, in float64, and every input costs one quadratic form, as do its gradients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import torch
from torch import Tensor

from qaml.errors import PartError
from qaml.quantum.channels import ChannelPart, GlobalChannel, WireChannel
from qaml.quantum.circuit import Entangler
from qaml.quantum.statevector.layers import basis_map, kronecker
from qaml.quantum.statevector.network import apply
from qaml.quantum.statevector.readout import z_signs

Position = Literal["before", "after"]


def averaged_observable(
    rotations: Tensor,
    flips: Tensor,
    entangler: Entangler,
    position: Position,
    wire: int,
    channels: Sequence[ChannelPart] = (),
) -> Tensor:
    """Z of a wire, taken back through layers of rotations, an entangler and random flips.

    Args:
        rotations: (n_layers, n, 2, 2), unitary.
        flips: (n_layers,) the probability p of a Y on each wire of a layer.
        entangler: the entangler after the rotations of every layer.
        position: place of the flips: before a layer's rotations, or after its entangler.
        wire: the wire that is measured at the end.
        channels: noise on every wire after every layer.

    Returns:
        O, (2**n, 2**n) complex128 and Hermitian, with E⟨Z⟩ = ψ†Oψ for a state ψ before the layers.
    """
    n_layers, n_wires = rotations.shape[:2]
    matrices = rotations.to(torch.complex128)
    identity = torch.ones(2**n_wires, dtype=torch.float64, device=rotations.device)
    observable = torch.diag(z_signs(2**n_wires, [wire], identity)[:, 0]).to(torch.complex128)
    index, signs = basis_map(entangler, n_wires, rotations.device)
    for layer in range(n_layers - 1, -1, -1):
        observable = through(observable, channels, range(n_wires))
        if position == "after":
            observable = flipped(observable, flips[layer], range(n_wires))
        observable = signs[:, None] * observable[index][:, index] * signs
        product = kronecker(matrices[layer])
        observable = product.mH @ observable @ product
        if position == "before":
            observable = flipped(observable, flips[layer], range(n_wires))
    return (observable + observable.mH) / 2


def conjugated(observable: Tensor, gate: Tensor, wires: tuple[int, ...]) -> Tensor:
    """G†OG for a gate (2**k, 2**k) on k wires."""
    behind = apply(gate.mT, observable, wires)
    return apply(gate.mH, behind.mT, wires).mT


def through(observable: Tensor, channels: Sequence[ChannelPart], wires: Iterable[int]) -> Tensor:
    """An observable taken back through channels that act in this order, each on all of the wires.

    Raises:
        PartError: a channel acts neither on wires nor on the whole state.
    """
    on = tuple(wires)
    for channel in reversed(channels):
        if isinstance(channel, GlobalChannel):
            size = len(observable)
            rest = torch.eye(size, dtype=observable.dtype, device=observable.device) * observable.trace() / size
            observable = channel.factor() * observable + (1 - channel.factor()) * rest
        elif isinstance(channel, WireChannel):
            operators = torch.tensor(channel.kraus(), dtype=observable.dtype, device=observable.device)
            for wire in on:
                observable = sum((conjugated(observable, each, (wire,)) for each in operators), 0 * observable)
        else:
            raise PartError(
                f"channel {channel.kind!r} acts neither on wires nor on the whole state",
                "derive it from WireChannel or GlobalChannel",
            )
    return observable


def flipped(observable: Tensor, probability: Tensor, wires: Iterable[int]) -> Tensor:
    """(1 − p) O + p YOY on each of some wires: entries swap in pairs, with a sign where row and column differ there."""
    n_wires = observable.shape[0].bit_length() - 1
    split = observable.reshape([2] * (2 * n_wires))
    sign = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64, device=observable.device)
    for wire in wires:
        shape = [2 if axis in (wire, n_wires + wire) else 1 for axis in range(2 * n_wires)]
        split = (1 - probability) * split + probability * sign.reshape(shape) * split.flip(wire, n_wires + wire)
    return split.reshape(observable.shape)
