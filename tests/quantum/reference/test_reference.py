"""The reference itself: noise, other devices, drawings, mistakes."""

from __future__ import annotations

import pennylane as qml
import pytest
import torch
from hypothesis import given, settings

from qaml.errors import PartError
from qaml.quantum.circuit import CHANNELS, GATES, Angle, Channel, Circuit, Gate, layered
from qaml.quantum.reference import draw, reference
from qaml.quantum.statevector.network import run
from tests.quantum.circuits import Case, assert_same, cases, features_of, gradients, weights_of

NONE = torch.zeros(0, dtype=torch.float64)
TILTED = Gate("ry", (0,), (Angle("fixed", 0, 1.1),))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(case=cases(max_wires=2, max_gates=6, channels=True))
def test_noise_keeps_expectations_within_their_range(case: Case) -> None:
    outputs = reference(case.circuit)(*case[1:])
    assert outputs.shape == (len(case.inputs), len(case.circuit.observables))
    assert float(outputs.abs().max()) <= 1 + 1e-10


@pytest.mark.parametrize(
    ("channel", "shrunk", "offset"),
    [
        (Channel("depolarising", (0,), (0.3,)), 1 - 4 * 0.3 / 3, 0.0),
        (Channel("amplitude_damping", (0,), (0.3,)), 0.7, 0.3),
        (Channel("bit_flip", (0,), (0.3,)), 0.4, 0.0),
        (Channel("phase_flip", (0,), (0.3,)), 1.0, 0.0),
        (Channel("pauli", (0,), (0.1, 0.2, 0.6)), 0.4, 0.0),
        (Channel("pauli", (0,), (0.7, 0.2, 0.1)), -0.8, 0.0),
    ],
)
def test_each_channel_does_to_z_what_its_definition_says(channel: Channel, shrunk: float, offset: float) -> None:
    clean, noisy = (Circuit(1, "zero", operations, (0,)) for operations in ((TILTED,), (TILTED, channel)))
    inputs = torch.zeros(1, 0)
    expected = shrunk * reference(clean)(NONE, inputs) + offset
    assert_same(reference(noisy)(NONE, inputs), expected)


def test_a_phase_flip_turns_x() -> None:
    flip, turn = Channel("phase_flip", (0,), (0.3,)), Gate("hadamard", (0,))
    circuit = Circuit(1, "zero", (TILTED, flip, turn), (0,))
    expected = 0.4 * torch.tensor([[1.1]], dtype=torch.float64).sin()
    assert_same(reference(circuit)(NONE, torch.zeros(1, 0)), expected)


def test_every_gate_and_channel_runs() -> None:
    for name, (n_wires, n_parameters) in {**GATES, **CHANNELS}.items():
        wires = tuple(range(n_wires))
        angles = tuple(Angle("feature", i) for i in range(n_parameters))
        noise = Channel(name, wires, (0.1,) * n_parameters)
        operation = Gate(name, wires, angles) if name in GATES else noise
        outputs = reference(Circuit(2, "zero", (operation,), (0,)))(NONE, features_of(2, 3))
        assert bool(outputs.isfinite().all()), name


@settings(max_examples=10, deadline=None, derandomize=True)
@given(case=cases(max_wires=3, max_gates=6))
def test_a_mixed_state_without_noise_is_the_pure_one(case: Case) -> None:
    circuit, *arrays = case.tracked()
    mixed, pure = reference(circuit, "default.mixed")(*arrays), run(circuit, *arrays)
    assert_same(mixed, pure)
    if pure.requires_grad:
        assert_same(gradients(mixed, arrays), gradients(pure, arrays))


def test_another_device_agrees() -> None:
    circuit = layered(3, 2, 3)
    weights, inputs = weights_of(2, 3).flatten().requires_grad_(), features_of(2, 7)
    other, ours = reference(circuit, "lightning.qubit")(weights, inputs), run(circuit, weights, inputs)
    assert_same(other, ours)
    assert_same(gradients(other, [weights]), gradients(ours, [weights]))


def test_a_device_can_be_handed_over() -> None:
    circuit, weights, inputs = layered(2, 1, 2), weights_of(1, 2).flatten(), features_of(3, 4)
    device = qml.device("default.qubit", wires=2)
    assert_same(reference(circuit, device)(weights, inputs), run(circuit, weights, inputs))


def test_torch_s_default_type_is_given_back() -> None:
    circuit, weights = layered(2, 1, 1), weights_of(1, 2).flatten()
    before = torch.get_default_dtype()
    reference(circuit)(weights, features_of(1, 4))
    assert torch.get_default_dtype() is before
    broken = qml.device("default.qubit", wires=["a"])
    with pytest.raises(qml.wires.WireError):
        reference(circuit, broken)(weights, features_of(1, 4))
    assert torch.get_default_dtype() is before


def test_gradients_that_another_device_does_not_have_are_refused() -> None:
    circuit = layered(2, 1, 1)
    inputs = features_of(1, 4).requires_grad_()
    with pytest.raises(PartError, match=r"since lightning.qubit has none for encoded amplitudes\n  hint: detach"):
        reference(circuit, "lightning.qubit")(weights_of(1, 2).flatten(), inputs)


def test_zero_inputs_give_zeros() -> None:
    outputs = reference(layered(2, 1, 2))(weights_of(1, 2).flatten(), torch.zeros(1, 3))
    assert outputs.tolist() == [[0, 0]]


@pytest.mark.slow
def test_images_on_10_wires_stay_finite_on_the_mixed_simulator() -> None:
    noise = Channel("amplitude_damping", (0,), (0.3,))
    circuit = Circuit(10, "amplitude", (Gate("ry", (0,), (Angle("weight"),)), noise), (0, 1))
    inputs = torch.rand(1, 784, generator=torch.Generator().manual_seed(0)).requires_grad_()
    outputs = reference(circuit)(torch.ones(1), inputs)
    clean = run(circuit._replace(operations=circuit.operations[:1]), torch.ones(1), inputs.double())
    assert_same(outputs, clean * clean.new_tensor([0.7, 1.0]) + clean.new_tensor([0.3, 0.0]))
    assert bool(gradients(outputs, [inputs])[0].isfinite().all())


def test_a_circuit_is_drawn_as_text() -> None:
    assert draw(layered(2, 1, 1)).splitlines() == ["0: ─╭|Ψ⟩──Rot─╭●─┤  <Z>", "1: ─╰|Ψ⟩──Rot─╰Z─┤     "]


def test_mistakes_are_found_before_pennylane_sees_them() -> None:
    with pytest.raises(PartError, match="operation 0"):
        reference(Circuit(1, "zero", (Gate("cz", (0, 1)),), (0,)))
    with pytest.raises(PartError, match="expected weights of shape"):
        reference(layered(2, 1, 1))(torch.zeros(5), torch.ones(1, 4))
