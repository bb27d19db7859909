"""The layered family: two matrix products a layer against gate by gate, and what a QVC's observables obey."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qaml.errors import PartError
from qaml.quantum.circuit import Entangler, layered
from qaml.quantum.reference import reference
from qaml.quantum.statevector.gates import rot
from qaml.quantum.statevector.layers import at_once, layer_by_layer, product_expectations
from qaml.quantum.statevector.network import (
    layered_expectations,
    layered_states,
    layered_unitary_columns,
    normalised,
    run,
)
from qaml.quantum.statevector.readout import z_signs
from tests.quantum.circuits import assert_same, features_of, gradients, weights_of


@settings(max_examples=25, deadline=None, derandomize=True)
@given(n_wires=st.integers(1, 7), n_layers=st.integers(0, 6), batch=st.integers(1, 3), seed=st.integers(0, 99))
def test_layers_are_the_circuit_gate_by_gate(n_wires: int, n_layers: int, batch: int, seed: int) -> None:
    n_observables = 1 + seed % n_wires
    inputs = features_of(batch, 1 + seed % 2**n_wires, seed).requires_grad_()
    weights = weights_of(n_layers, n_wires, seed).requires_grad_()
    fast = layered_expectations(normalised(inputs), weights, n_observables)
    slow = run(layered(n_wires, n_layers, n_observables), weights.flatten(), inputs)
    assert_same(fast, slow)
    expected = gradients(slow, [inputs, weights])
    assert_same(gradients(fast, [inputs, weights]), expected)
    constant = layered_expectations(normalised(inputs), weights.detach(), n_observables)
    assert_same(gradients(constant, [inputs])[0], expected[0])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    n_wires=st.integers(1, 5),
    n_layers=st.integers(1, 5),
    entangler=st.sampled_from(["cz_chain", "cnot_chain", "cnot_ring"]),
    seed=st.integers(0, 99),
)
def test_the_whole_unitary_does_what_the_layers_do(
    n_wires: int, n_layers: int, entangler: Entangler, seed: int
) -> None:
    """On few wires circuits run at once, on more of them layer by layer; for one circuit and for several."""
    states = normalised(features_of(3, 2**n_wires, seed)).to(torch.complex128).requires_grad_()
    angles = weights_of(n_layers, n_wires, seed).requires_grad_()

    def rotations() -> Tensor:
        return rot(*angles.unbind(-1))

    slow = layer_by_layer(states, rotations(), entangler)
    fast = at_once(states, rotations(), entangler)
    several = at_once(states, rotations().expand(3, n_layers, n_wires, 2, 2), entangler)
    wanted = gradients(slow.real.sum() + slow.imag.square().sum(), [states, angles])
    for other in (fast, several):
        assert_same(other, slow)
        assert_same(gradients(other.real.sum() + other.imag.square().sum(), [states, angles]), wanted)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    n_wires=st.integers(2, 6),
    n_layers=st.integers(0, 5),
    entangler=st.sampled_from(["cz_chain", "cnot_chain", "cnot_ring"]),
    seed=st.integers(0, 99),
)
def test_a_diagonal_observable_in_one_go_is_that_of_the_states(
    n_wires: int, n_layers: int, entangler: Entangler, seed: int
) -> None:
    states = normalised(features_of(3, 2**n_wires, seed)).requires_grad_()
    angles = weights_of(n_layers, n_wires, seed).requires_grad_()
    signs = z_signs(2**n_wires, [seed % n_wires], states)[:, 0]
    behind = layer_by_layer(states.to(torch.complex128), rot(*angles.unbind(-1)), entangler)
    slow = behind.abs().square() @ signs
    fast = product_expectations(states, rot(*angles.unbind(-1)), entangler, signs)
    assert_same(fast, slow)
    weights = torch.arange(1, 4, dtype=torch.float64)
    arrays = [states, angles] if n_layers else [states]
    wanted = gradients((slow * weights).sum(), arrays)
    assert_same(gradients((fast * weights).sum(), arrays), wanted)
    constant = product_expectations(states, rot(*angles.detach().unbind(-1)), entangler, signs)
    assert_same(gradients((constant * weights).sum(), [states])[0], wanted[0])


@pytest.mark.parametrize(
    ("n_wires", "n_layers", "n_features"), [(6, 7, 50), pytest.param(10, 25, 784, marks=pytest.mark.slow)]
)
def test_layers_are_pennylanes(n_wires: int, n_layers: int, n_features: int) -> None:
    inputs = features_of(2, n_features).requires_grad_()
    weights = weights_of(n_layers, n_wires).requires_grad_()
    ours = layered_expectations(normalised(inputs), weights, n_wires)
    theirs = reference(layered(n_wires, n_layers, n_wires))(weights.flatten(), inputs)
    assert_same(ours, theirs)
    arrays = [inputs, weights]
    assert_same(gradients(ours, arrays), gradients(theirs, arrays))


@pytest.mark.slow
def test_single_precision_holds_for_1000_layers() -> None:
    inputs, weights = normalised(features_of(4, 784)), weights_of(1000, 10)
    double, single = inputs.clone().requires_grad_(), inputs.float().requires_grad_()
    angles, single_angles = weights.clone().requires_grad_(), weights.float().requires_grad_()
    exact, rounded = layered_expectations(double, angles, 10), layered_expectations(single, single_angles, 10)
    torch.testing.assert_close(rounded.double(), exact, rtol=0, atol=5e-6)
    pairs = zip(gradients(exact, [double, angles]), gradients(rounded, [single, single_angles]), strict=True)
    for expected, found in pairs:
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-5)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(scale=st.floats(0.01, 100), sign=st.sampled_from((-1, 1)), seed=st.integers(0, 99))
def test_sign_and_scale_of_an_input_change_nothing(scale: float, sign: int, seed: int) -> None:
    inputs, weights = features_of(2, 11, seed), weights_of(3, 4, seed)
    outputs = layered_expectations(normalised(inputs), weights, 4)
    assert_same(layered_expectations(normalised(sign * scale * inputs), weights, 4), outputs)


def observables(weights: Tensor) -> Tensor:
    """Re(U†Z_kU) over the whole space, from the unitary's columns: (n_wires, 2**n, 2**n)."""
    n_wires = weights.shape[1]
    columns = layered_unitary_columns(weights, 2**n_wires)
    signs = z_signs(2**n_wires, range(n_wires), weights)
    return torch.stack([((columns.conj() * sign) @ columns.T).real for sign in signs.T])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(n_wires=st.integers(1, 6), n_layers=st.integers(0, 5), seed=st.integers(0, 99))
def test_collapsed_observables_are_traceless_contractions_and_answer_for_the_circuit(
    n_wires: int, n_layers: int, seed: int
) -> None:
    weights = weights_of(n_layers, n_wires, seed)
    matrices = observables(weights)
    assert_same(matrices, matrices.mT)
    traces = matrices.diagonal(dim1=1, dim2=2).sum(1)
    assert_same(traces, torch.zeros_like(traces))
    assert float(torch.linalg.matrix_norm(matrices, 2).max()) <= 1 + 1e-10
    inputs = normalised(features_of(3, 2**n_wires, seed))
    forms = torch.einsum("bi,kij,bj->bk", inputs, matrices, inputs)
    assert_same(forms, layered_expectations(inputs, weights, n_wires))


def test_columns_are_those_of_a_unitary_and_differentiable() -> None:
    weights = weights_of(4, 3).requires_grad_()
    columns = layered_unitary_columns(weights, 8)
    assert columns.dtype == torch.complex128
    assert_same(columns.conj() @ columns.T, torch.eye(8, dtype=torch.complex128))
    assert_same(columns[:5], layered_unitary_columns(weights, 5))
    signs = z_signs(8, range(2), weights)
    sums = (columns.abs().square() @ signs)[:5]
    slow = layered_expectations(torch.eye(5, 8, dtype=torch.float64), weights, 2)
    assert_same(gradients(sums, [weights]), gradients(slow, [weights]))


def test_the_gradient_of_an_input_leaves_the_caller_s_arrays_alone() -> None:
    weights, cotangent = weights_of(3, 4), features_of(2, 16).to(torch.complex128)
    inputs = normalised(features_of(2, 16)).requires_grad_()
    kept = inputs.detach().clone(), cotangent.clone()
    states = layered_states(inputs, weights)
    before = states.detach().clone()
    torch.autograd.grad(states, inputs, cotangent)
    assert torch.equal(inputs.detach(), kept[0])
    assert torch.equal(cotangent, kept[1])
    assert torch.equal(states.detach(), before)


def test_zero_inputs_give_zeros_with_zero_gradients() -> None:
    inputs = torch.zeros(1, 11, requires_grad=True)
    outputs = layered_expectations(normalised(inputs), weights_of(3, 4).float(), 4)
    assert outputs.tolist() == [[0, 0, 0, 0]]
    assert torch.autograd.grad(outputs.sum(), inputs)[0].tolist() == [[0] * 11]


@pytest.mark.parametrize(
    ("amplitudes", "weights", "n_observables", "message"),
    [
        (torch.ones(1, 5), torch.zeros(1, 2, 3), 1, r"of shape \(batch, at most 4\), got \(1, 5\)"),
        (torch.ones(4), torch.zeros(1, 2, 3), 1, r"of shape \(batch, at most 4\), got \(4,\)"),
        (torch.ones(1, 4), torch.zeros(6), 1, r"of shape \(n_layers, n_wires, 3\), got \(6,\)"),
        (torch.ones(1, 4), torch.zeros(1, 2, 3), 3, "expected 1 to 2 observables, got 3"),
        (torch.ones(1, 4), torch.zeros(1, 2, 3), 0, "expected 1 to 2 observables, got 0"),
    ],
)
def test_shapes_that_do_not_fit(amplitudes: Tensor, weights: Tensor, n_observables: int, message: str) -> None:
    with pytest.raises(PartError, match=message):
        layered_expectations(amplitudes, weights, n_observables)
