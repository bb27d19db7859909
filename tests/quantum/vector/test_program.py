"""What gates become: layers in a frame, and parts of independent masks."""

import numpy as np
import pytest

from qaml.quantum.circuit import Angle, Circuit, Gate, entangling_gates, layered
from qaml.quantum.vector.normal_form import normal_form
from qaml.quantum.vector.program import n_places, program


def test_permutations_move_no_amplitude() -> None:
    gates = (*entangling_gates("cnot_ring", 5), Gate("swap", (1, 3)), Gate("x", (2,)))
    form = normal_form(Circuit(5, "zero", gates, (0,)))
    assert not form.layers
    assert form.constant == form.flips[2]


@pytest.mark.parametrize("entangler", ["cz_chain", "cnot_ring"])
def test_a_layer_of_the_family_is_one_layer(entangler: str) -> None:
    circuit = layered(6, 4, 2, "cz_chain" if entangler == "cz_chain" else "cnot_ring")
    layers = normal_form(circuit).layers
    assert [len(layer.turns) for layer in layers] == [6, 6, 6, 6, 0]
    own = program(circuit, draws_differ=False)
    assert own.n_measured == 4  # the last RZ and CZ change no expectation value


def test_angles_of_one_place_add_up() -> None:
    a, b = Angle("weight", 0), Angle("feature", 2, 0.5)
    gates = (Gate("ry", (0,), (a,)), Gate("rz", (1,), (a,)), Gate("ry", (0,), (b,)), Gate("rz", (1,), (b,)))
    (layer,) = normal_form(Circuit(2, "zero", gates, (0,))).layers
    for angle in (layer.turns[0].angle, *layer.phases.values()):
        assert angle.terms == {("weight", 0): 1.0, ("feature", 2): 0.5}


def test_gates_that_cancel_leave_nothing() -> None:
    quarter, back = Angle("fixed", 0, 0.5), Angle("fixed", 0, -0.5)
    gates = (Gate("rz", (0,), (quarter,)), Gate("z", (1,)), Gate("rz", (0,), (back,)), Gate("z", (1,)))
    assert not len(program(Circuit(2, "zero", gates, (0,)), False).layers)


def test_a_program_is_made_once_for_equal_circuits() -> None:
    assert program(layered(3, 2, 1), False) is program(layered(3, 2, 1), False)


@pytest.mark.parametrize("n_wires", [1, 5, 12])
def test_frames_are_permutations_of_places(n_wires: int) -> None:
    own = program(layered(n_wires, 3, 1, "cnot_ring"), False)
    places = np.sort(own.start)
    assert len(np.unique(places)) == 2**n_wires
    assert places[-1] < n_places(n_wires)
    for frame in (*own.frames, own.stop):
        np.testing.assert_array_equal(np.sort(frame), places)
