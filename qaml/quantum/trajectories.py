"""Circuits with channels on any number of wires, by trajectories: states on which every channel acts by one operator.

A channel of Pauli errors has probabilities that depend on nothing, so a trajectory is the circuit with an X, a Z, both
or neither in its place, as rotations by 0 or π, and its gradient that of the circuit. Amplitude damping acts by K₁
with the probability p = ‖K₁ψ‖² (Dalibard, Castin & Mølmer 1992), which depends on angles. There states are divided by
the root of p as a number without a gradient: a value f stays what it is, and gains the gradient ∂f + f ∂log p, whose
mean over trajectories is that of the average. Of f the mean of the sample's other trajectories is taken off in the
second term, which does not change its mean, as E ∂log p = 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from qaml.identical import Identical
from qaml.quantum.checks import check, check_shapes
from qaml.quantum.circuit import Angle, Channel, Circuit, Gate, Operation
from qaml.quantum.execute import states
from qaml.quantum.statevector.gates import matrix
from qaml.quantum.statevector.network import apply, encoded, given_arrays, value

MOST_DRAWS = 2**22
"""Largest number of channels of all trajectories that are evaluated together."""
DAMPING = "amplitude_damping"


def probabilities(
    circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None, count: int, generator: torch.Generator
) -> Tensor:
    """Outcomes' probabilities, averaged over trajectories: an unbiased estimate, as are its gradients.

    Args:
        circuit: a circuit with channels.
        weights: (n_weights,), angles in radians.
        inputs: (batch, n_features), float32 or float64, whose precision the computation has; complex for states.
        draws: (n_draws,) shared by the batch, or (batch, n_draws).
        count: number of trajectories of each sample.
        generator: on the CPU, so that a seed means the same on every device; samples draw one after another.

    Returns:
        (batch, 2**n_wires), real.

    Raises:
        PartError: for a mistake in the circuit, or shapes that do not fit.
    """
    check(circuit)
    check_shapes(circuit, tuple(weights.shape), tuple(inputs.shape), None if draws is None else tuple(draws.shape))
    own = _unravelled(Identical(circuit))
    given = inputs.new_zeros(0, dtype=inputs.real.dtype) if draws is None else draws
    given = given.expand(len(inputs), -1)
    size = max(1, MOST_DRAWS // (count * max(len(circuit.channels), 1)))
    pieces = []
    for piece in [slice(first, first + size) for first in range(0, max(len(inputs), 1), size)]:
        rows = inputs[piece].repeat_interleave(count, 0)
        uniform = torch.rand(len(rows), len(circuit.channels), generator=generator, dtype=torch.float64)
        errors = own.errors(uniform).to(rows.device, rows.real.dtype)
        angles = torch.cat((given[piece].repeat_interleave(count, 0).to(errors.dtype), errors), 1)
        found = _outcomes(own, weights, rows, angles, uniform.to(rows.device))
        pieces.append(_averaged(found.reshape(-1, count, found.shape[1]), is_weighted=bool(own.damping)))
    return torch.cat(pieces)


class _Unravelled(NamedTuple):
    """A circuit whose Pauli errors are rotations by draws.

    Attributes:
        circuit: its last draws are the errors, which are 0 or 1; amplitude damping is left in it.
        channels: the channel of every error, by position among the channels.
        low: (n_errors,) the uniform number from which on an error happens.
        high: (n_errors,) the number below which it does.
        damping: the positions of amplitude damping among the channels, in order.
    """

    circuit: Circuit
    channels: Tensor
    low: Tensor
    high: Tensor
    damping: tuple[int, ...]

    def errors(self, uniform: Tensor) -> Tensor:
        """Which errors happen: uniform numbers (rows, n_channels) → (rows, n_errors) bool."""
        numbers = uniform[:, self.channels]
        return (numbers >= self.low) & (numbers < self.high)


@lru_cache(maxsize=32)
def _unravelled(same: Identical[Circuit]) -> _Unravelled:
    circuit = same.value
    operations: list[Operation] = []
    errors: list[tuple[int, float, float]] = []
    damping: list[int] = []
    number = 0
    for operation in circuit.operations:
        if not isinstance(operation, Channel):
            operations.append(operation)
            continue
        if operation.name == DAMPING:
            operations.append(operation)
            damping.append(number)
        for name, low, high in _rotations(operation):
            angle = Angle("draw", circuit.n_draws + len(errors), math.pi)
            operations.append(Gate(name, operation.wires, (angle,)))
            errors.append((number, low, high))
        number += 1
    numbers = torch.tensor([each[0] for each in errors], dtype=torch.long)
    ends = torch.tensor([each[1:] for each in errors], dtype=torch.float64).reshape(-1, 2)
    unravelled = circuit._replace(operations=tuple(operations))
    return _Unravelled(unravelled, numbers, ends[:, 0], ends[:, 1], tuple(damping))


def _rotations(channel: Channel) -> Iterator[tuple[str, float, float]]:
    """The rotations by π of a channel, each with the uniform numbers between which it happens; X and Z make a Y."""
    if channel.name == DAMPING:
        return
    x, y, z = _paulis(channel)
    if x + y > 0:
        yield "rx", 0.0, x + y
    if y + z > 0:
        yield "rz", x, x + y + z


def _paulis(channel: Channel) -> tuple[float, float, float]:
    (p, *more) = channel.probabilities
    match channel.name:
        case "depolarising":
            return p / 3, p / 3, p / 3
        case "bit_flip":
            return p, 0.0, 0.0
        case "phase_flip":
            return 0.0, 0.0, p
    return p, more[0], more[1]


def _outcomes(own: _Unravelled, weights: Tensor, inputs: Tensor, draws: Tensor, uniform: Tensor) -> Tensor:
    """Probabilities of the outcomes of every trajectory, (rows, 2**n)."""
    if own.damping:
        final = _damped(own, weights, inputs, draws, uniform)
    else:
        final = states(own.circuit, weights, inputs, draws if own.circuit.n_draws else None)
    return final.real.square() + final.imag.square()


def _damped(own: _Unravelled, weights: Tensor, inputs: Tensor, draws: Tensor, uniform: Tensor) -> Tensor:
    """Final states, gate by gate; they have norm 1, and the gradients of states that are not divided by anything."""
    state = encoded(own.circuit, inputs)
    arrays = given_arrays(weights, inputs, draws, state)
    damping = iter(own.damping)
    for operation in own.circuit.operations:
        if isinstance(operation, Gate):
            angles = [value(angle, arrays, state) for angle in operation.angles]
            state = apply(matrix(operation.name, angles, state), state, operation.wires)
        else:
            state = _decayed(state, operation.wires[0], operation.probabilities[0], uniform[:, next(damping)])
    return state


def _decayed(state: Tensor, wire: int, gamma: float, uniform: Tensor) -> Tensor:
    """States behind K₁ = √γ |0⟩⟨1| where the uniform number is below its probability, and behind K₀ elsewhere."""
    split = state.reshape(len(state), 2**wire, 2, -1)
    zero, one = split.unbind(2)
    chance = gamma * _squares(one) / (_squares(zero) + _squares(one)).clamp_min(torch.finfo(torch.float64).tiny)
    is_decay = uniform < chance
    taken = torch.where(is_decay, chance, 1 - chance).rsqrt().to(state.real.dtype)[:, None, None]
    decays = is_decay[:, None, None]
    stays = torch.where(decays, 0.0, (1 - gamma) ** 0.5 * taken)
    return torch.stack((torch.where(decays, gamma**0.5 * one, zero) * taken, stays * one), 2).reshape(state.shape)


def _squares(amplitudes: Tensor) -> Tensor:
    """Sums of the squares of amplitudes, (rows, …) → (rows,) float64, without a gradient."""
    return torch.view_as_real(amplitudes.detach()).square().sum((1, 2, 3), dtype=torch.float64)


def _averaged(found: Tensor, *, is_weighted: bool) -> Tensor:
    """Mean over trajectories, (batch, count, m) → (batch, m), with less noise in gradients that hold ∂log p."""
    count = found.shape[1]
    if is_weighted and count > 1 and found.requires_grad:
        plain = found.detach()
        others = (plain.sum(1, keepdim=True) - plain) / (count - 1)
        weights = found.sum(2, keepdim=True)
        found = found - others * (weights - weights.detach())
    return found.mean(1)
