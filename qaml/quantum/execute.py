"""Final states and expectation values of any circuit without noise, by the fastest way there is for it.

In float32 on the CPU every circuit has a kernel: expectation values of ``quantum.layered``'s family its own, all else
``quantum.vector``'s. In other dtypes and on other devices the layered family (Rot on every wire and a chain or ring of
one gate) goes layer by layer, and every other circuit gate by gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, get_args

import torch
from torch import Tensor

from qaml.identical import Identical
from qaml.quantum.checks import check, check_shapes
from qaml.quantum.circuit import Circuit, Entangler, Gate, Operation, entangling_gates
from qaml.quantum.layered import network as layered
from qaml.quantum.statevector.layers import layered_states
from qaml.quantum.statevector.network import final_states, normalised
from qaml.quantum.statevector.readout import z_expectations
from qaml.quantum.vector import network as vector


class Family(NamedTuple):
    """A circuit of equal layers.

    Attributes:
        places: the weight of every angle, layer after layer, wire after wire, (φ, θ, ω).
        n_layers: number of layers.
        entangler: the gates at the end of each.
    """

    places: tuple[int, ...]
    n_layers: int
    entangler: Entangler


def states(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None = None) -> Tensor:
    """States before the measurement, differentiable in weights, inputs and draws.

    Args:
        circuit: a circuit without channels.
        weights: (n_weights,), angles in radians.
        inputs: (batch, n_features), float32 or float64, whose precision the computation has; complex for states.
        draws: (n_draws,) shared by the batch, or (batch, n_draws).

    Returns:
        (batch, 2**n_wires), complex, on the device of the inputs.

    Raises:
        PartError: for a mistake in the circuit, shapes that do not fit, or channels.
    """
    if vector.takes(circuit, inputs):
        return vector.final_states(circuit, weights, inputs, draws)
    family = _family(Identical(circuit))
    if family is None:
        return final_states(circuit, weights, inputs, draws)
    check_shapes(circuit, tuple(weights.shape), tuple(inputs.shape), None)
    return layered_states(normalised(inputs), _in_layers(weights, family, circuit).to(inputs.dtype), family.entangler)


def expectations(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor | None = None) -> Tensor:
    """⟨Z⟩ of the circuit's observables, (batch, n_observables), real; arguments and errors as in ``states``."""
    family = _family(Identical(circuit))
    if family is not None and _has_kernel(circuit, family, weights, inputs):
        check_shapes(circuit, tuple(weights.shape), tuple(inputs.shape), None)
        return layered.expectations(normalised(inputs), _in_layers(weights, family, circuit), len(circuit.observables))
    if vector.takes(circuit, inputs):
        return vector.run(circuit, weights, inputs, draws)
    return z_expectations(states(circuit, weights, inputs, draws), circuit.observables)


def _has_kernel(circuit: Circuit, family: Family, *tensors: Tensor) -> bool:
    is_plain = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
    is_first = circuit.observables == tuple(range(len(circuit.observables)))
    return family.entangler == "cz_chain" and is_plain and is_first


def _in_layers(weights: Tensor, family: Family, circuit: Circuit) -> Tensor:
    """The weights as (n_layers, n_wires, 3)."""
    in_order = family.places == tuple(range(len(weights)))
    ordered = weights if in_order else weights[torch.tensor(family.places, device=weights.device)]
    return ordered.reshape(family.n_layers, circuit.n_wires, 3)


@lru_cache(maxsize=128)
def _family(same: Identical[Circuit]) -> Family | None:
    """The layers of a circuit of real amplitudes; ``None`` where it has none."""
    circuit = same.value
    check(circuit)
    n = circuit.n_wires
    for entangler in get_args(Entangler):
        gates = entangling_gates(entangler, n)
        size = n + len(gates)
        n_layers, rest = divmod(len(circuit.operations), size)
        starts = range(0, len(circuit.operations), size)
        is_layered = circuit.encoding == "amplitude" and n_layers > 0 and rest == 0
        if is_layered and all(circuit.operations[start + n : start + size] == gates for start in starts):
            turns = [turn for start in starts for turn in circuit.operations[start : start + n]]
            places = _places(turns, n)
            if places is not None:
                return Family(places, n_layers, entangler)
    return None


def _places(turns: Sequence[Operation], n_wires: int) -> tuple[int, ...] | None:
    """The weights of the angles, where all of these are Rot of weights on the wires in order."""
    places: list[int] = []
    for number, turn in enumerate(turns):
        if not isinstance(turn, Gate) or turn.name != "rot" or turn.wires != (number % n_wires,):
            return None
        if any(angle.source != "weight" or angle.scale != 1 for angle in turn.angles):
            return None
        places += [angle.index for angle in turn.angles]
    return tuple(places)
