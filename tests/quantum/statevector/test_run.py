"""The torch path gate by gate: against PennyLane, values and gradients, and what must hold by itself."""

from __future__ import annotations

import pennylane as qml
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qaml.errors import PartError
from qaml.quantum.circuit import GATES, Angle, Channel, Circuit, Gate
from qaml.quantum.reference import reference
from qaml.quantum.statevector.gates import matrix
from qaml.quantum.statevector.network import final_states, normalised, run
from tests.quantum.circuits import Case, assert_same, cases, features_of, gradients

PENNYLANE = {
    **{"hadamard": qml.Hadamard, "x": qml.PauliX, "y": qml.PauliY, "z": qml.PauliZ, "phase": qml.PhaseShift},
    **{"rx": qml.RX, "ry": qml.RY, "rz": qml.RZ, "rot": qml.Rot, "cz": qml.CZ, "cnot": qml.CNOT, "swap": qml.SWAP},
    **{"crx": qml.CRX, "cry": qml.CRY, "crz": qml.CRZ},
    **{"ising_xx": qml.IsingXX, "ising_yy": qml.IsingYY, "ising_zz": qml.IsingZZ},
}


@pytest.mark.parametrize("name", GATES)
def test_every_gate_is_pennylanes_of_that_name(name: str) -> None:
    n_wires, n_angles = GATES[name]
    angles = features_of(4, n_angles)
    like = torch.zeros(1, dtype=torch.complex128)
    ours = matrix(name, list(angles.T), like)
    for sample in range(4):
        expected = qml.matrix(PENNYLANE[name](*angles[sample].tolist(), wires=range(n_wires)))
        assert_same(ours[sample] if ours.ndim == 3 else ours, torch.tensor(expected) + 0 * like)
        single = matrix(name, list(angles[sample]), like)
        assert_same(single, torch.tensor(expected) + 0 * like)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=cases())
def test_values_and_gradients_are_pennylanes(case: Case) -> None:
    circuit, *arrays = case.tracked()
    ours, theirs = run(circuit, *arrays), reference(circuit)(*arrays)
    assert ours.dtype == torch.float64
    assert_same(ours, theirs)
    if ours.requires_grad and theirs.requires_grad:
        for mine, other in zip(gradients(ours, arrays), gradients(theirs, arrays), strict=True):
            assert_same(mine, other)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=cases())
def test_states_keep_their_norm(case: Case) -> None:
    norms = torch.linalg.vector_norm(final_states(*case), dim=1)
    assert_same(norms, torch.ones_like(norms))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=cases())
def test_single_precision_follows_double(case: Case) -> None:
    inputs = case.inputs.to(torch.complex64 if case.inputs.is_complex() else torch.float32)
    single = run(case.circuit, case.weights, inputs, case.draws)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), run(*case), rtol=0, atol=5e-6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(case=cases())
def test_shared_draws_are_the_same_draws_for_every_sample(case: Case) -> None:
    shared = case.draws if case.draws.ndim == 1 else case.draws[0]
    rows = shared.expand(len(case.inputs), -1)
    assert_same(
        run(case.circuit, case.weights, case.inputs, shared), run(case.circuit, case.weights, case.inputs, rows)
    )


@settings(max_examples=30, deadline=None, derandomize=True)
@given(case=cases())
def test_samples_do_not_meet_in_a_batch(case: Case) -> None:
    together = run(*case)
    for i in range(len(case.inputs)):
        draws = case.draws if case.draws.ndim == 1 else case.draws[i]
        alone = run(case.circuit, case.weights, case.inputs[i : i + 1], draws)
        assert_same(alone[0], together[i])


def test_a_rotation_by_a_feature_is_its_cosine() -> None:
    circuit = Circuit(1, "zero", (Gate("ry", (0,), (Angle("feature", 0, 2.0),)),), (0,))
    inputs = features_of(5, 1)
    assert_same(run(circuit, torch.zeros(0), inputs), (2 * inputs).cos())


def test_wire_0_is_the_most_significant_bit() -> None:
    circuit = Circuit(2, "state", (), (0, 1))
    outputs = run(circuit, torch.zeros(0), torch.eye(4, dtype=torch.float64))
    assert outputs.tolist() == [[1, 1], [1, -1], [-1, 1], [-1, -1]]


AMPLITUDE = Circuit(3, "amplitude", (Gate("ry", (0,), (Angle("weight"),)), Gate("cnot", (0, 2))), (0, 1, 2))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    exponent=st.floats(-30, 30), sign=st.sampled_from((-1, 1)), dtype=st.sampled_from((torch.float32, torch.float64))
)
def test_amplitudes_have_no_sign_and_no_scale(exponent: float, sign: int, dtype: torch.dtype) -> None:
    inputs, weights = features_of(3, 5).to(dtype), torch.tensor([0.7])
    outputs = run(AMPLITUDE, weights, sign * 10**exponent * inputs)
    torch.testing.assert_close(outputs, run(AMPLITUDE, weights, inputs), rtol=0, atol=2e-6)


def test_zero_inputs_give_zeros_with_zero_gradients() -> None:
    inputs = torch.cat([torch.zeros(1, 5), features_of(1, 5).float()]).requires_grad_()
    weights = torch.tensor([0.7], requires_grad=True)
    outputs = run(AMPLITUDE, weights, inputs)
    to_inputs, to_weights = torch.autograd.grad(outputs.sum(), [inputs, weights])
    assert outputs[0].tolist() == [0, 0, 0]
    assert to_inputs[0].tolist() == [0] * 5
    assert bool(to_inputs.isfinite().all())
    assert bool(to_weights.isfinite().all())


def test_normalised_rows_have_the_gradient_of_their_quotient() -> None:
    inputs = features_of(2, 4).requires_grad_()
    quotient = inputs / torch.linalg.vector_norm(inputs, dim=1, keepdim=True)
    ours = normalised(inputs)
    assert_same(ours, quotient)
    assert_same(gradients(ours, [inputs])[0], gradients(quotient, [inputs])[0])


def test_an_empty_batch_is_answered_by_an_empty_batch() -> None:
    assert run(AMPLITUDE, torch.zeros(1), torch.zeros(0, 5)).shape == (0, 3)


def test_noise_is_refused_with_the_way_on() -> None:
    circuit = AMPLITUDE._replace(operations=(*AMPLITUDE.operations, Channel("bit_flip", (0,), (0.1,))))
    with pytest.raises(PartError, match=r"without noise, got 1 channels\n  hint: qaml.quantum.noise"):
        run(circuit, torch.zeros(1), torch.ones(1, 2))


@pytest.mark.parametrize("inputs", [torch.ones(1, 5, dtype=torch.int64), torch.ones(1, 5, dtype=torch.float16)])
def test_other_dtypes_are_refused(inputs: Tensor) -> None:
    with pytest.raises(PartError, match="expected inputs in float32 or float64, got torch"):
        run(AMPLITUDE, torch.zeros(1), inputs)
