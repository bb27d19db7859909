"""Layers of Rot and a chain of CZ as two matrix products a layer, in memory that does not grow with depth.

A state is kept as (2**a, batch, 2**b), its first a = n // 2 wires in front of the batch and the other b behind it. A
layer multiplies by the Kronecker products of the rotations from the left and from the right, each one product for the
whole batch; the CZs within a half are signs of their rows, and the one between the halves negates a quarter of the
amplitudes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from qaml.errors import PartError
from qaml.quantum.statevector.gates.network import rot
from qaml.quantum.statevector.readout.network import z_expectations


def layered_expectations(amplitudes: Tensor, weights: Tensor, n_observables: int) -> Tensor:
    """⟨Z⟩ of the first wires behind the layers of ``qaml.quantum.circuit.layered`` with a chain of CZ.

    Gradients are for both arguments and of first order; weights that need none cost none.

    Args:
        amplitudes: (batch, d ≤ 2**n), float32 or float64, normalised; missing amplitudes are zero.
        weights: (n_layers, n, 3), the angles (φ, θ, ω) of Rot.
        n_observables: at most n.

    Returns:
        (batch, n_observables), dtype and device of the amplitudes.
    """
    states = layered_states(amplitudes, weights)
    if not 1 <= n_observables <= weights.shape[1]:
        raise PartError(f"expected 1 to {weights.shape[1]} observables, got {n_observables}")
    return z_expectations(states, range(n_observables))


def layered_unitary_columns(weights: Tensor, n_columns: int) -> Tensor:
    """The first columns of the layers' unitary as rows: row j is U|j⟩, (n_columns, 2**n), complex, differentiable."""
    return layered_states(torch.eye(n_columns, dtype=weights.dtype, device=weights.device), weights)


def layered_states(amplitudes: Tensor, weights: Tensor) -> Tensor:
    """States behind the layers, (batch, 2**n), complex; arguments as in ``layered_expectations``."""
    if weights.ndim != 3 or weights.shape[2] != 3:
        raise PartError(f"expected weights of shape (n_layers, n_wires, 3), got {tuple(weights.shape)}")
    n_wires = weights.shape[1]
    if amplitudes.ndim != 2 or amplitudes.shape[1] > 2**n_wires:
        raise PartError(
            f"expected amplitudes of shape (batch, at most {2**n_wires}), got {tuple(amplitudes.shape)}",
            f"{n_wires} wires have {2**n_wires} amplitudes",
        )
    n_left = n_wires // 2
    rotations = rot(*weights.to(amplitudes.dtype).unbind(-1))
    left, right = _half_layers(rotations[:, :n_left]), _half_layers(rotations[:, n_left:])
    padded = pad(amplitudes, (0, 2**n_wires - amplitudes.shape[1])).to(rotations.dtype)
    halves = padded.reshape(len(padded), 2**n_left, 2 ** (n_wires - n_left)).transpose(0, 1)
    states: Tensor = _Layers.apply(halves, left, right)  # type: ignore[no-untyped-call]
    return states.transpose(0, 1).flatten(1)


def _half_layers(rotations: Tensor) -> Tensor:
    """(n_layers, k, 2, 2) → (n_layers, 2**k, 2**k): Kronecker products, then the CZs between these wires."""
    n_layers, k = rotations.shape[:2]
    product = rotations.new_ones(n_layers, 1, 1)
    for wire in range(k):
        product = torch.einsum("lij,lab->liajb", product, rotations[:, wire]).reshape(
            n_layers, 2 ** (wire + 1), 2 ** (wire + 1)
        )
    index = torch.arange(2**k, device=rotations.device)
    neighbours = index & (index >> 1)
    n_pairs = sum(((neighbours >> bit) & 1 for bit in range(k - 1)), torch.zeros_like(index))
    return product * (1 - 2 * (n_pairs & 1))[:, None]


class _Layers(torch.autograd.Function):
    """X ← CZ ∘ (A_l X B_lᵀ) for every layer l, uncomputed on the way back, since A_l and B_l are unitary."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """(2**a, batch, 2**b), (n_layers, 2**a, 2**a), (n_layers, 2**b, 2**b) → as the first."""
        states = states.contiguous()
        for a, b in zip(left, right, strict=True):
            states = _cross(_from_right(_from_left(a, states), b.T))
        ctx.save_for_backward(states, left, right)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The states' gradient steps back like the states do; a matrix' gradient is the product of the two."""
        states, left, right = ctx.saved_tensors
        states, gradient = states.clone(), gradient.contiguous().clone()
        wanted = any(ctx.needs_input_grad[1:])
        left_gradient, right_gradient = torch.empty_like(left), torch.empty_like(right)
        for layer in range(len(left) - 1, -1, -1):
            after = _cross(gradient)
            middle = _from_right(after, right[layer].conj())
            gradient = _from_left(left[layer].mH, middle)
            if wanted:
                states = _from_right(_cross(states), right[layer].conj())
                right_gradient[layer] = (states.flatten(0, 1).mH @ after.flatten(0, 1)).T
                states = _from_left(left[layer].mH, states)
                left_gradient[layer] = middle.flatten(1) @ states.flatten(1).mH
        return gradient, left_gradient if wanted else None, right_gradient if wanted else None


def _from_left(matrix: Tensor, states: Tensor) -> Tensor:
    return (matrix @ states.flatten(1)).view(states.shape)


def _from_right(states: Tensor, matrix: Tensor) -> Tensor:
    return (states.flatten(0, 1) @ matrix).view(states.shape)


def _cross(states: Tensor) -> Tensor:
    """The CZ between the halves, in place: its own inverse."""
    states[1::2, :, states.shape[2] // 2 :].neg_()
    return states
