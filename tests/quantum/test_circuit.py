"""Circuits as data: what the builders lay out, and the mistakes that are named."""

from __future__ import annotations

import math
from typing import Any

import pytest

from qaml.errors import PartError
from qaml.quantum.checks import check, check_shapes
from qaml.quantum.circuit import (
    Angle,
    Channel,
    Circuit,
    Entangler,
    Gate,
    entangling_gates,
    layered,
    repeated,
)
from tests.test_imports import heavy

RY = Gate("ry", (0,), (Angle("weight"),))


def test_a_layer_of_west_on_10_wires_has_39_gates() -> None:
    circuit = layered(10, 200, 10)
    check(circuit)
    rotations = {"rot": 3}  # RZ, RY, RZ
    assert sum(rotations.get(gate.name, 1) for gate in circuit.operations) == 200 * 39
    assert (circuit.n_weights, circuit.n_draws, circuit.channels) == (200 * 10 * 3, 0, ())
    assert circuit.observables == tuple(range(10))


def test_weights_of_a_layered_circuit_are_counted_by_layer_wire_angle() -> None:
    circuit = layered(3, 2, 1)
    assert circuit.operations[5 + 2] == Gate("rot", (2,), tuple(Angle("weight", (1 * 3 + 2) * 3 + i) for i in range(3)))
    assert circuit.operations[3:5] == (Gate("cz", (0, 1)), Gate("cz", (1, 2)))


@pytest.mark.parametrize(
    ("entangler", "n_wires", "pairs"),
    [
        ("cz_chain", 1, []),
        ("cz_chain", 3, ["cz01", "cz12"]),
        ("cnot_chain", 3, ["cnot01", "cnot12"]),
        ("cnot_ring", 3, ["cnot01", "cnot12", "cnot20"]),
        ("cnot_ring", 2, ["cnot01"]),
        ("cnot_ring", 1, []),
    ],
)
def test_entanglers(entangler: Entangler, n_wires: int, pairs: list[str]) -> None:
    assert [f"{g.name}{g.wires[0]}{g.wires[1]}" for g in entangling_gates(entangler, n_wires)] == pairs


def test_repetitions_have_weights_and_draws_of_their_own_and_share_features() -> None:
    block = (
        Gate("rot", (0,), (Angle("weight", 1), Angle("draw", 0, 0.5), Angle("fixed", 0, 3.0))),
        Channel("bit_flip", (0,), (0.1,)),
        Gate("rx", (0,), (Angle("feature", 4),)),
    )
    operations = repeated(block, 3)
    assert operations[:3] == block
    assert operations[6:] == (
        Gate("rot", (0,), (Angle("weight", 5), Angle("draw", 2, 0.5), Angle("fixed", 0, 3.0))),
        *block[1:],
    )
    circuit = Circuit(1, "zero", operations, (0,))
    assert (circuit.n_weights, circuit.n_features, circuit.n_draws, len(circuit.channels)) == (6, 5, 3, 3)


def test_a_state_needs_all_its_amplitudes() -> None:
    assert Circuit(3, "state", (), (0,)).n_features == 8


MISTAKES: list[tuple[Any, str]] = [
    (Gate("ryy", (0,)), "operation 1 (ryy): unknown gate; expected one of hadamard, x, y"),
    (Channel("heat", (0,), (0.1,)), "operation 1 (heat): unknown channel; expected one of depolarising"),
    (Gate("cz", (0, 2)), "operation 1 (cz): expected wires from 0 to 1, got 2"),
    (Gate("x", (-1,)), "operation 1 (x): expected wires from 0 to 1, got -1"),
    (Gate("cnot", (1, 1)), "operation 1 (cnot): expected each wire once, got (1, 1)"),
    (Gate("cz", (0,)), "operation 1 (cz): expected 2 wires, got (0,)"),
    (Gate("rot", (0,), (Angle("weight"),)), "operation 1 (rot): expected 3 angles, got 1"),
    (Gate("x", (0,), (Angle("weight"),)), "operation 1 (x): expected 0 angles, got 1"),
    (Gate("rx", (0,), (Angle("weight", -1),)), "operation 1 (rx): expected an index of 0 or more, got -1"),
    (Gate("rx", (0,), (Angle("fixed", 0, math.nan),)), "operation 1 (rx): expected a finite scale, got nan"),
    (Gate("rx", (0,), (Angle("data"),)), "operation 1 (rx): expected an angle from weight, feature"),  # type: ignore[arg-type]
    (Channel("pauli", (0,), (0.1,)), "operation 1 (pauli): expected 3 probabilities, got 1"),
    (Channel("bit_flip", (0,), (1.1,)), "operation 1 (bit_flip): expected probabilities in [0, 1]"),
    (Channel("bit_flip", (0,), (-0.1,)), "operation 1 (bit_flip): expected probabilities in [0, 1]"),
    (Channel("bit_flip", (0,), (math.nan,)), "operation 1 (bit_flip): expected probabilities in [0, 1]"),
    (Channel("pauli", (0,), (0.5, 0.5, 0.1)), "with a sum of at most 1, got (0.5, 0.5, 0.1)"),
]


@pytest.mark.parametrize(("operation", "message"), MISTAKES, ids=[m[1][:40] for m in MISTAKES])
def test_mistakes_are_named_with_their_position(operation: Any, message: str) -> None:
    with pytest.raises(PartError) as caught:
        check(Circuit(2, "amplitude", (RY, operation), (0,)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("circuit", "message"),
    [
        (layered(13, 1, 1), "expected a circuit of 1 to 12 wires, got 13"),
        (Circuit(0, "zero", (), (0,)), "expected a circuit of 1 to 12 wires, got 0"),
        (Circuit(1, "angle", (), (0,)), "expected an encoding among amplitude, state, zero, got 'angle'"),  # type: ignore[arg-type]
        (Circuit(1, "zero", (RY,), ()), "expected at least one observable, got none"),
        (layered(2, 1, 3), "observables: expected wires from 0 to 1, got 2"),
        (Circuit(2, "zero", (), (1, 1)), "observables: expected each wire once, got (1, 1)"),
        (
            Circuit(1, "state", (Gate("rx", (0,), (Angle("feature"),)),), (0,)),
            "operation 0 (rx): expected no angle from features, since the inputs of this circuit are states",
        ),
    ],
)
def test_senseless_circuits(circuit: Circuit, message: str) -> None:
    with pytest.raises(PartError) as caught:
        check(circuit)
    assert message in str(caught.value)


def test_probabilities_that_add_up_to_one_in_floats_are_fine() -> None:
    check(Circuit(1, "zero", (Channel("pauli", (0,), (0.6, 0.3, 0.1)), Channel("pauli", (0,), (0.7, 0.2, 0.1))), (0,)))


DRAWN = Circuit(2, "amplitude", (RY, Gate("rx", (1,), (Angle("draw", 1),))), (0,))


@pytest.mark.parametrize(
    ("weights", "inputs", "draws", "message"),
    [
        ((2,), (3, 4), (2,), "expected weights of shape (1,), got (2,)"),
        ((1,), (4,), (2,), "expected inputs of shape (batch, n_features), got (4,)"),
        (
            (1,),
            (3, 5),
            (2,),
            "expected at most 4 features on 2 wires, and one or more, got 5\n  hint: 5 features need 3",
        ),
        ((1,), (3, 0), (2,), "expected at most 4 features on 2 wires, and one or more, got 0"),
        ((1,), (3, 4), None, "expected draws of shape (2,) or (batch, 2), got none"),
        ((1,), (3, 4), (4, 2), "expected draws of shape (2,) or (3, 2), got (4, 2)"),
    ],
)
def test_shapes_that_do_not_fit(weights: Any, inputs: Any, draws: Any, message: str) -> None:
    with pytest.raises(PartError) as caught:
        check_shapes(DRAWN, weights, inputs, draws)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("circuit", "n_features", "message"),
    [
        (Circuit(2, "state", (), (0,)), 3, "expected states of 4 amplitudes on 2 wires, got 3"),
        (
            Circuit(1, "zero", (Gate("rx", (0,), (Angle("feature", 2),)),), (0,)),
            2,
            "expected at least 3 features, got 2",
        ),
    ],
)
def test_features_that_do_not_fit(circuit: Circuit, n_features: int, message: str) -> None:
    with pytest.raises(PartError) as caught:
        check_shapes(circuit, (0,), (1, n_features), None)
    assert message in str(caught.value)


def test_shapes_that_fit() -> None:
    for draws in ((2,), (3, 2)):
        check_shapes(DRAWN, (1,), (3, 4), draws)
    check_shapes(layered(2, 1, 1), (6,), (0, 3), None)


def test_declaring_and_checking_imports_no_numerical_library() -> None:
    assert heavy("import qaml.quantum.checks, qaml.quantum.circuit") == []
