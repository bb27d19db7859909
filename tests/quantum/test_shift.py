"""Gradients from shifted evaluations against those of torch and PennyLane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from torch import Tensor

from qaml.errors import PartError
from qaml.quantum import density
from qaml.quantum.circuit import CHANNELS, GATES, Angle, Circuit, Gate
from qaml.quantum.shift import RULES, separated, shifted
from qaml.quantum.statevector.network import run
from qaml.quantum.statevector.readout import z_signs
from tests.models.circuit.examples import info_of, module_of
from tests.quantum.circuits import assert_same, fed, gradients, operation

N = 3


def values(circuit: Circuit, inputs: Tensor, draws: Tensor) -> Tensor:
    weights = draws.new_zeros(0)
    if not circuit.channels:
        return run(circuit, weights, inputs, draws)
    found = density.probabilities(circuit, weights, inputs, draws)
    return found @ z_signs(found.shape[1], circuit.observables, found)


def test_every_gate_with_angles_has_a_rule() -> None:
    assert set(RULES) == {name for name, arity in GATES.items() if arity.n_parameters}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("channels", [False, True])
def test_all_gates_in_random_order(seed: int, channels: bool) -> None:
    """Weights, features and draws, each in several gates, with scales of their own."""
    rng = np.random.default_rng(seed)
    names = rng.permutation([*GATES, *(CHANNELS if channels else ())])
    operations = tuple(operation(str(name), N, "zero", rng) for name in names)
    case = fed(Circuit(N, "zero", operations, (0, 2)), 2, bool(seed % 2), rng).tracked()
    exact = run(*case) if not channels else _exact(*case)
    found = shifted(*case, values)
    arrays = list(case[1:])
    assert_same(found, exact)
    assert_same(gradients(found, arrays), gradients(exact, arrays))


def _exact(circuit: Circuit, weights: Tensor, inputs: Tensor, draws: Tensor) -> Tensor:
    found = density.probabilities(circuit, weights, inputs, draws)
    return found @ z_signs(found.shape[1], circuit.observables, found)


AFFINE: list[Any] = [
    {"encode": "zz", "pairs": "chain"},
    {"rot": "all", "angles": {"affine": "dense", "features": [0, [1, 2], [0, 0, 2]]}},
    {"crx": "ring", "angles": {"affine": "each", "features": "next"}, "share": "wires"},
    {"repeat": 2, "block": [{"su4": "chain", "share": "both"}, {"cry": "reverse_chain"}]},
    {"phase": [0, 2], "angles": {"affine": "each", "features": [1, 0], "weight": 0.7}},
]


def test_the_chain_rule_through_affine_angles_and_products() -> None:
    """Also of numbers that many gates share, in the trained numbers and in the inputs."""
    module = module_of({"wires": 3, "layers": AFFINE, "readout": {"z": [0, 1]}}, info_of(3))
    inputs = torch.rand(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    arrays = [module.angles, module.weights_of_features, inputs]
    features, draws = module.arguments(inputs)
    found = shifted(module.described(), module.weights, features, draws, values)
    assert_same(gradients(found, arrays), gradients(module(inputs), arrays))


def test_one_circuit_against_pennylane() -> None:
    weights = torch.tensor([0.4, -1.1, 2.3], dtype=torch.float64, requires_grad=True)

    def circuit(angles: Tensor) -> Any:
        qml.RX(angles[0], wires=0)
        qml.CRY(angles[1], wires=[0, 1])
        qml.Rot(angles[2], angles[0], 0.3, wires=1)
        qml.CRZ(angles[2], wires=[1, 0])
        qml.Hadamard(0)
        return qml.expval(qml.PauliZ(0)), qml.expval(qml.PauliZ(1))

    one, two, three = (Angle("weight", index) for index in range(3))
    operations = (
        *(
            Gate("rx", (0,), (one,)),
            Gate("cry", (0, 1), (two,)),
            Gate("rot", (1,), (three, one, Angle("fixed", 0, 0.3))),
        ),
        *(Gate("crz", (1, 0), (three,)), Gate("hadamard", (0,))),
    )
    found = shifted(Circuit(2, "zero", operations, (0, 1)), weights, torch.zeros(1, 0).double(), None, values)
    node = qml.QNode(circuit, qml.device("default.qubit", wires=2), interface="torch", diff_method="parameter-shift")
    theirs = torch.stack(list(node(weights)))[None]
    assert_same(gradients(found, [weights]), gradients(theirs, [weights]))


def test_only_what_requires_gradients_is_evaluated() -> None:
    gates = (Gate("rx", (0,), (Angle("weight", 0),)), Gate("crz", (0, 1), (Angle("feature", 0),)))
    circuit, asked = Circuit(2, "zero", gates, (0,)), []

    def ask(other: Circuit, inputs: Tensor, draws: Tensor) -> Tensor:
        asked.append(len(draws))
        return values(other, inputs, draws)

    inputs = torch.rand(5, 1, dtype=torch.float64, requires_grad=True)
    shifted(circuit, torch.ones(1).double(), inputs, None, ask).sum().backward()  # type: ignore[no-untyped-call]
    assert asked == [5, 4 * 5]
    assert separated(circuit).n_evaluations(frozenset({"feature"})) == 4
    assert separated(circuit).n_evaluations(frozenset({"weight", "feature"})) == 6


def test_amplitudes_have_no_rule() -> None:
    circuit = Circuit(1, "amplitude", (Gate("rx", (0,), (Angle("weight", 0),)),), (0,))
    weights, inputs = torch.ones(1, requires_grad=True), torch.rand(2, 2)
    shifted(circuit, weights, inputs, None, values).sum().backward()  # type: ignore[no-untyped-call]
    with pytest.raises(PartError, match="amplitudes of inputs are no angles"):
        shifted(circuit, weights, inputs.requires_grad_(), None, values)
