"""Values and gradients of the kernel against gate-by-gate references, and what they must not depend on."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qaml.errors import PartError
from qaml.quantum.layered.kernel import LANES
from qaml.quantum.layered.network import expectations, unitary_columns
from qaml.quantum.statevector.layers import layered_expectations
from tests.quantum.layered import reference

ANGLES = st.one_of(
    st.floats(-7, 7, width=32),
    st.integers(-8, 8).map(lambda k: k * np.pi / 2),
    st.sampled_from([1e4, -123456.7, 0.0, 1e-30]),
)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    """Angles around the circle."""
    return 2 * torch.pi * torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def unit_rows(batch: int, features: int, seed: int = 1) -> Tensor:
    rows = torch.randn(batch, features, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows)


def differentiated(amplitudes: Tensor, weights: Tensor, cotangents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Values, and gradients of Σ cotangents · values with respect to amplitudes and weights."""
    amplitudes, weights = (tensor.clone().requires_grad_() for tensor in (amplitudes, weights))
    values = expectations(amplitudes, weights, cotangents.shape[1])
    of_amplitudes, of_weights = torch.autograd.grad(values, (amplitudes, weights), cotangents)
    return values.detach(), of_amplitudes, of_weights


def double_precision(amplitudes: Tensor, weights: Tensor, cotangents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same from state vectors in torch, in float64."""
    amplitudes, weights = (tensor.double().requires_grad_() for tensor in (amplitudes, weights))
    values = layered_expectations(amplitudes, weights, cotangents.shape[1])
    of_amplitudes, of_weights = torch.autograd.grad(values, (amplitudes, weights), cotangents.double())
    return values.detach(), of_amplitudes, of_weights


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data(), n_wires=st.integers(1, 6), n_layers=st.integers(1, 3), batch=st.integers(1, 2 * LANES + 1))
def test_values_and_gradients_are_the_reference_s(data: st.DataObject, n_wires: int, n_layers: int, batch: int) -> None:
    n_angles = n_layers * n_wires * 3
    angles = data.draw(st.lists(ANGLES, min_size=n_angles, max_size=n_angles))
    weights = torch.tensor(angles, dtype=torch.float32).reshape(n_layers, n_wires, 3)
    amplitudes = unit_rows(batch, data.draw(st.integers(1, 2**n_wires)))
    cotangents = unit_rows(batch, data.draw(st.integers(1, n_wires)), seed=2)
    values, of_amplitudes, of_weights = differentiated(amplitudes, weights, cotangents)
    x, w, c = (tensor.double().numpy() for tensor in (amplitudes, weights, cotangents))
    expected_of_amplitudes, expected_of_weights = reference.gradients(x, w, c)
    np.testing.assert_allclose(values, reference.expectations(x, w, c.shape[1]), atol=2e-6)
    np.testing.assert_allclose(of_amplitudes, expected_of_amplitudes, atol=4e-6)
    np.testing.assert_allclose(of_weights, expected_of_weights, atol=4e-7 * (batch + 10))


@pytest.mark.parametrize("n_wires", [1, 2, 3, 4, 5, 6])
def test_columns_are_the_unitary_s_phase_included(n_wires: int) -> None:
    weights = uniform(3, n_wires, 3)
    columns = unitary_columns(weights, 2**n_wires)
    assert columns.dtype == torch.complex64
    np.testing.assert_allclose(columns.T, reference.unitary(weights.double().numpy()), atol=2e-6)
    few = 2**n_wires - n_wires // 2
    assert torch.equal(unitary_columns(weights, few), columns[:few])


@pytest.mark.parametrize(
    ("n_wires", "n_layers"), [(10, 4), *(pytest.param(n, 3, marks=pytest.mark.slow) for n in (7, 8, 9, 11, 12))]
)
def test_many_wires_follow_state_vectors_in_double_precision(n_wires: int, n_layers: int) -> None:
    weights = uniform(n_layers, n_wires, 3)
    amplitudes, cotangents = unit_rows(3, 2**n_wires - 7), unit_rows(3, n_wires, seed=2)
    expected = double_precision(amplitudes, weights, cotangents)
    for own, other in zip(differentiated(amplitudes, weights, cotangents), expected, strict=True):
        np.testing.assert_allclose(own, other, atol=3e-6)


def test_200_layers_keep_single_precision() -> None:
    weights = uniform(200, 10, 3)
    amplitudes, cotangents = unit_rows(4, 784), torch.ones(4, 10)
    expected = double_precision(amplitudes, weights, cotangents)
    for own, other in zip(differentiated(amplitudes, weights, cotangents), expected, strict=True):
        np.testing.assert_allclose(own, other, atol=2e-5)
    columns = unitary_columns(weights, 40)
    np.testing.assert_allclose(columns.conj() @ columns.T, np.eye(40), atol=1e-5)


@pytest.mark.parametrize("batch", [1, 15, 16, 17, 300])
def test_a_sample_does_not_depend_on_the_others(batch: int) -> None:
    weights, amplitudes, cotangents = uniform(3, 5, 3), unit_rows(300, 20), unit_rows(300, 4, seed=2)
    values, of_amplitudes, _ = differentiated(amplitudes, weights, cotangents)
    some = torch.arange(batch) * 7 % 300
    some_values, of_some, _ = differentiated(amplitudes[some], weights, cotangents[some])
    assert torch.equal(some_values, values[some])
    assert torch.equal(of_some, of_amplitudes[some])


def test_rows_of_zeros_add_nothing_to_the_gradient_of_weights() -> None:
    weights, amplitudes, cotangents = uniform(3, 5, 3), unit_rows(5, 20), unit_rows(5, 4, seed=2)
    alone = differentiated(amplitudes, weights, cotangents)[2]
    padded = (torch.cat([tensor, torch.zeros(30, tensor.shape[1])]) for tensor in (amplitudes, cotangents))
    amplitudes, cotangents = padded
    assert torch.equal(differentiated(amplitudes, weights, cotangents)[2], alone)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    weights, amplitudes, cotangents = uniform(5, 7, 3), unit_rows(100, 128), unit_rows(100, 7, seed=2)
    threads = torch.get_num_threads()
    results = []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            rows = amplitudes.clone().requires_grad_()
            (of_rows_alone,) = torch.autograd.grad(expectations(rows, weights, 7), rows, cotangents)
            columns = unitary_columns(weights, 128)
            results.append((*differentiated(amplitudes, weights, cotangents), of_rows_alone, columns))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("n_wires", [1, 2, 4, 7, 10])
def test_gradients_of_inputs_alone_equal_those_beside_the_weights(n_wires: int) -> None:
    weights, cotangents = uniform(6, n_wires, 3), unit_rows(19, n_wires, seed=2)
    amplitudes = unit_rows(19, 2**n_wires).requires_grad_()
    alone = torch.autograd.grad(expectations(amplitudes, weights, n_wires), amplitudes, cotangents)[0]
    _, beside, _ = differentiated(amplitudes.detach(), weights, cotangents)
    np.testing.assert_allclose(alone, beside, atol=2e-6)


def test_values_are_the_same_with_and_without_gradients() -> None:
    weights, amplitudes = uniform(4, 4, 3), unit_rows(9, 11)
    with_gradients = expectations(amplitudes.clone().requires_grad_(), weights, 2)
    assert with_gradients.requires_grad
    assert torch.equal(with_gradients, expectations(amplitudes, weights, 2))
    with torch.no_grad():
        assert not expectations(amplitudes.clone().requires_grad_(), weights, 2).requires_grad


def test_a_graph_that_is_kept_gives_the_same_gradients_again() -> None:
    weights, amplitudes = uniform(4, 4, 3).requires_grad_(), unit_rows(9, 11).requires_grad_()
    loss = expectations(amplitudes, weights, 3).square().sum()
    first, second = (torch.autograd.grad(loss, (amplitudes, weights), retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_gradients_are_slopes() -> None:
    weights, amplitudes, cotangents = uniform(2, 3, 3), unit_rows(4, 8), unit_rows(4, 3, seed=2)
    _, of_amplitudes, of_weights = differentiated(amplitudes, weights, cotangents)
    step = 2.0**-7
    for along, gradient in (("amplitudes", of_amplitudes), ("weights", of_weights)):
        direction = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(3))
        ends = []
        for sign in (1, -1):
            x = amplitudes + sign * step * direction if along == "amplitudes" else amplitudes
            w = weights + sign * step * direction if along == "weights" else weights
            ends.append((expectations(x, w, 3) * cotangents).sum())
        slope = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close(slope, (gradient * direction).sum(), atol=2e-3, rtol=0)


def test_a_state_and_its_negative_cannot_be_told_apart() -> None:
    weights, amplitudes = uniform(4, 6, 3), unit_rows(20, 50)
    assert torch.equal(expectations(amplitudes, weights, 6), expectations(-amplitudes, weights, 6))


def test_the_last_omega_has_no_gradient_and_the_others_that_of_the_next_phi() -> None:
    _, _, gradient = differentiated(unit_rows(5, 16), uniform(3, 4, 3), torch.ones(5, 4))
    assert not gradient[-1, :, 2].any()
    assert torch.equal(gradient[:-1, :, 2], gradient[1:, :, 0])
    assert gradient[1:, :, 0].any()


def test_arrays_in_any_order_are_taken() -> None:
    weights, amplitudes = uniform(3, 3, 4).transpose(1, 2), unit_rows(16, 20).T
    plain = expectations(amplitudes.contiguous(), weights.contiguous(), 2)
    assert torch.equal(expectations(amplitudes, weights, 2), plain)


def test_an_empty_batch_has_empty_results() -> None:
    values, of_amplitudes, of_weights = differentiated(torch.zeros(0, 8), uniform(2, 3, 3), torch.zeros(0, 2))
    assert values.shape == (0, 2)
    assert of_amplitudes.shape == (0, 8)
    assert not of_weights.any()


ROWS, WEIGHTS = unit_rows(2, 8), uniform(2, 3, 3)


@pytest.mark.parametrize(
    ("amplitudes", "weights", "n_observables", "message"),
    [
        (ROWS, uniform(1, 13, 3), 1, "expected at most 12 wires, got 13"),
        (
            unit_rows(2, 9),
            WEIGHTS,
            1,
            r"expected amplitudes of shape \(batch, features\) with at most 8 features on 3 wires, got \(2, 9\)",
        ),
        (ROWS[0], WEIGHTS, 1, r"3 wires, got \(8,\)"),
        (ROWS, WEIGHTS.flatten(), 1, r"expected weights of shape \(layers, wires, 3\), got \(18,\)"),
        (ROWS, uniform(2, 3, 2), 1, r"expected weights of shape \(layers, wires, 3\), got \(2, 3, 2\)"),
        (ROWS, uniform(0, 3, 3), 1, r"expected weights of shape \(layers, wires, 3\), got \(0, 3, 3\)"),
        (ROWS.double(), WEIGHTS, 1, "expected amplitudes in float32 on the CPU, got torch.float64 on cpu"),
        (ROWS, WEIGHTS.double(), 1, "expected weights in float32 on the CPU, got torch.float64 on cpu"),
        (ROWS.to("meta"), WEIGHTS, 1, "expected amplitudes in float32 on the CPU, got torch.float32 on meta"),
        (ROWS, WEIGHTS, 0, "expected 1 to 3 observables, got 0"),
        (ROWS, WEIGHTS, 4, "expected 1 to 3 observables, got 4"),
    ],
)
def test_mistakes_are_named(amplitudes: Tensor, weights: Tensor, n_observables: int, message: str) -> None:
    with pytest.raises(PartError, match=message):
        expectations(amplitudes, weights, n_observables)


@pytest.mark.parametrize("n_columns", [0, 9])
def test_a_number_of_columns_outside_the_unitary_is_refused(n_columns: int) -> None:
    with pytest.raises(PartError, match=f"expected 1 to 8 columns, got {n_columns}"):
        unitary_columns(WEIGHTS, n_columns)
