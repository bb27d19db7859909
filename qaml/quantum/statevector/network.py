"""Expectation values of a circuit without noise, gate by gate, and those of the layered family faster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from qaml.autograd import differentiable
from qaml.errors import PartError
from qaml.quantum.checks import check, check_shapes
from qaml.quantum.circuit import Angle, Circuit, Gate, Source
from qaml.quantum.statevector.gates import matrix
from qaml.quantum.statevector.layers import layered_expectations, layered_states, layered_unitary_columns
from qaml.quantum.statevector.readout import z_expectations

__all__ = [
    "apply",
    "final_states",
    "layered_expectations",
    "layered_states",
    "layered_unitary_columns",
    "normalised",
    "run",
]


def run(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None = None) -> Tensor:
    """⟨Z⟩ of the circuit's observables, differentiable in weights, inputs and draws.

    Args:
        circuit: a circuit without channels.
        weights: (n_weights,), angles in radians.
        inputs: (batch, n_features), float32 or float64, whose precision the whole computation has; complex for states.
        draws: (n_draws,) shared by the batch, or (batch, n_draws).

    Returns:
        (batch, n_observables), real, on the device of the inputs.

    Raises:
        PartError: for a mistake in the circuit, shapes that do not fit, or channels.
    """
    return z_expectations(final_states(circuit, weights, inputs, draws), circuit.observables)


def final_states(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None = None) -> Tensor:
    """States before the measurement, (batch, 2**n_wires), complex; arguments and errors as in ``run``."""
    check(circuit)
    check_shapes(circuit, tuple(weights.shape), tuple(inputs.shape), None if draws is None else tuple(draws.shape))
    if circuit.channels:
        raise PartError(
            f"expected a circuit without noise, got {len(circuit.channels)} channels",
            "qaml.quantum.noise averages over noise exactly, qaml.quantum.reference runs it on default.mixed",
        )
    if inputs.real.dtype not in (torch.float32, torch.float64):
        raise PartError(f"expected inputs in float32 or float64, got {inputs.dtype}")
    states = encoded(circuit, inputs)
    arrays = given_arrays(weights, inputs, draws, states)
    for gate in circuit.operations:
        assert isinstance(gate, Gate)
        angles = [value(angle, arrays, states) for angle in gate.angles]
        states = apply(matrix(gate.name, angles, states), states, gate.wires)
    return states


def normalised(inputs: Tensor) -> Tensor:
    """Amplitudes x/‖x‖₂ of real rows, (batch, d), differentiable once.

    A zero row has no direction: it stays zero, and so do the gradients of expectation values.
    """
    return differentiable(_Normalised, inputs)


class _Normalised(torch.autograd.Function):
    """a = x/‖x‖, whose Jacobian is (1 − aaᵀ)/‖x‖."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        """(batch, d) → (batch, d)."""
        # a first division by the largest entry keeps the squares of tiny and huge rows within the exponent's range
        tiny = torch.finfo(inputs.dtype).tiny
        largest = inputs.abs().amax(1, keepdim=True).clamp_min(tiny)
        scaled = inputs / largest
        norms = torch.linalg.vector_norm(scaled, dim=1, keepdim=True).clamp_min(tiny)
        amplitudes: Tensor = scaled / norms
        ctx.save_for_backward(amplitudes, norms, largest)
        return amplitudes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """The component of the gradient that is orthogonal to the amplitudes."""
        amplitudes, norms, largest = ctx.saved_tensors
        along = torch.linalg.vecdot(amplitudes, gradient)[:, None]
        to_inputs: Tensor = (gradient - amplitudes * along) / norms / largest
        return to_inputs


def given_arrays(weights: Tensor, inputs: Tensor, draws: Tensor | None, like: Tensor) -> dict[Source, Tensor]:
    """The numbers that angles are made of, by source, in the precision of complex states."""
    given: dict[Source, Tensor | None] = {"weight": weights, "feature": inputs.real, "draw": draws}
    return {source: array.to(like.real.dtype) for source, array in given.items() if array is not None}


def encoded(circuit: Circuit, inputs: Tensor) -> Tensor:
    """States before the first operation: (batch, n_features) → (batch, 2**n_wires), complex."""
    n_states = 2**circuit.n_wires
    dtype = torch.complex128 if inputs.real.dtype == torch.float64 else torch.complex64
    if circuit.encoding == "state":
        return inputs.to(dtype)
    if circuit.encoding == "amplitude":
        return pad(normalised(inputs), (0, n_states - inputs.shape[1])).to(dtype)
    states = torch.zeros(len(inputs), n_states, dtype=dtype, device=inputs.device)
    states[:, 0] = 1
    return states


def value(angle: Angle, arrays: Mapping[Source, Tensor], states: Tensor) -> Tensor:
    """The angle in radians, of shape () or (batch,)."""
    if angle.source == "fixed":
        return torch.tensor(angle.scale, dtype=states.real.dtype, device=states.device)
    return angle.scale * arrays[angle.source][..., angle.index]


def apply(gate: Tensor, states: Tensor, wires: tuple[int, ...]) -> Tensor:
    """A gate, (2**k, 2**k) or one for each sample, on k wires of states (batch, 2**n)."""
    n_wires, front = states.shape[1].bit_length() - 1, range(1, len(wires) + 1)
    axes = [1 + wire for wire in wires]
    split = states.reshape(len(states), *[2] * n_wires).movedim(axes, list(front))
    moved = gate @ split.reshape(len(states), 2 ** len(wires), 2 ** (n_wires - len(wires)))
    return moved.reshape(split.shape).movedim(list(front), axes).reshape(states.shape)
