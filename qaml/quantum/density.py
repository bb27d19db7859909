"""Circuits with channels, exactly: density matrices forwards on few wires, observables backwards on some more.

A density matrix is kept as a state of 2n wires, rows before columns, and K ρ K† is K ⊗ K* on both halves. So a gate is
one matrix of 2k wires, a channel the sum of its Kraus operators', and the way back takes the adjoint of this matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from qaml.errors import PartError
from qaml.quantum.channels import AmplitudeDamping, Matrix, pauli_kraus
from qaml.quantum.checks import check, check_shapes
from qaml.quantum.circuit import Channel, Circuit, gate_angles
from qaml.quantum.statevector.gates import matrix
from qaml.quantum.statevector.network import apply, encoded, given_arrays, value

MOST_WIRES = 6
"""Largest number of wires of density matrices, of which each sample has one of at most 4,096 entries."""
MOST_WIRES_BACK = 10
"""Largest number of wires of observables, which all samples share: a million entries each."""
AT_ONCE = 2**22
"""Largest number of entries of observables that are taken back together."""


class Step(NamedTuple):
    """One operation on density matrices.

    Attributes:
        matrix: (4**k, 4**k), or (batch, 4**k, 4**k).
        wires: k wires of the rows, then those of the columns.
    """

    matrix: Tensor
    wires: tuple[int, ...]


def probabilities(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None = None) -> Tensor:
    """The probability of every outcome, differentiable in weights, inputs and draws.

    Args:
        circuit: a circuit of at most six wires.
        weights: (n_weights,), angles in radians.
        inputs: (batch, n_features), float32 or float64, whose precision the computation has; complex for states.
        draws: (n_draws,) shared by the batch, or (batch, n_draws).

    Returns:
        (batch, 2**n_wires), real.

    Raises:
        PartError: for a mistake in the circuit, shapes that do not fit, or more wires.
    """
    check(circuit)
    check_shapes(circuit, tuple(weights.shape), tuple(inputs.shape), None if draws is None else tuple(draws.shape))
    _check_size(circuit, MOST_WIRES)
    states = encoded(circuit, inputs)
    pairs = (states[:, :, None] * states[:, None, :].conj()).flatten(1)
    for step in _steps(circuit, weights, inputs, draws, states):
        pairs = apply(step.matrix, pairs, step.wires)
    return pairs.reshape(len(states), 2**circuit.n_wires, -1).diagonal(dim1=1, dim2=2).real


def observables(circuit: Circuit, weights: Tensor, diagonals: Tensor) -> Tensor:
    """Observables taken back through a circuit that does not depend on its inputs.

    Args:
        circuit: a circuit of at most ten wires, without features and draws.
        weights: (n_weights,), whose precision the computation has.
        diagonals: (m, 2**n_wires) the values of the observables in the basis states.

    Returns:
        O_k, (m, 2**n_wires, 2**n_wires) complex and Hermitian, so that a state ψ before the circuit has the values
        ψ†O_kψ.
    """
    _check_size(circuit, MOST_WIRES_BACK)
    inputs = torch.ones(1, 1, dtype=weights.dtype, device=weights.device)
    like = encoded(circuit._replace(encoding="zero"), inputs)
    steps = list(_steps(circuit, weights, inputs, None, like))[::-1]
    found = []
    for rows in torch.split(diagonals.to(like), max(1, AT_ONCE // 4**circuit.n_wires)):
        pairs = torch.diag_embed(rows).flatten(1)
        for step in steps:
            pairs = apply(step.matrix.mH, pairs, step.wires)
        found.append(pairs.reshape(*rows.shape, -1))
    return torch.cat(found)


class Halves(NamedTuple):
    """A circuit cut where its first channel is, so that only gates depend on inputs.

    Attributes:
        before: the gates before it.
        behind: the rest, without features and draws.
    """

    before: Circuit
    behind: Circuit


def halves(circuit: Circuit) -> Halves | None:
    """A circuit cut at its first channel; ``None`` where a feature or a draw is an angle behind it."""
    place = next((i for i, each in enumerate(circuit.operations) if isinstance(each, Channel)), None)
    if place is None:
        return None
    before, behind = (
        circuit._replace(operations=each) for each in (circuit.operations[:place], circuit.operations[place:])
    )
    is_fixed = all(angle.source in ("weight", "fixed") for angle in gate_angles(behind.operations))
    return Halves(before, behind) if is_fixed else None


def _steps(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None, like: Tensor) -> Iterator[Step]:
    arrays = given_arrays(weights, inputs, draws, like)
    for operation in circuit.operations:
        wires = (*operation.wires, *(circuit.n_wires + wire for wire in operation.wires))
        if isinstance(operation, Channel):
            operators = torch.tensor(kraus(operation), dtype=like.dtype, device=like.device)
            yield Step(_doubled(operators).sum(0), wires)
        else:
            angles = [value(angle, arrays, like) for angle in operation.angles]
            yield Step(_doubled(matrix(operation.name, angles, like)), wires)


def _doubled(operators: Tensor) -> Tensor:
    """K ⊗ K*: (…, d, d) → (…, d², d²)."""
    size = operators.shape[-1] ** 2
    both = torch.einsum("...ac,...bd->...abcd", operators, operators.conj())
    return both.reshape(*operators.shape[:-2], size, size)


def kraus(channel: Channel) -> tuple[Matrix, ...]:
    """The Kraus operators of a channel by its name in ``circuit.CHANNELS``."""
    (p, *more) = channel.probabilities
    match channel.name:
        case "depolarising":
            return pauli_kraus(p / 3, p / 3, p / 3)
        case "bit_flip":
            return pauli_kraus(p, 0, 0)
        case "phase_flip":
            return pauli_kraus(0, 0, p)
        case "amplitude_damping":
            return AmplitudeDamping(gamma=p).kraus()
    return pauli_kraus(p, *more)


def _check_size(circuit: Circuit, most: int) -> None:
    if circuit.n_wires > most:
        raise PartError(f"expected a circuit with channels of at most {most} wires, got {circuit.n_wires}")
