"""A collapsed circuit against its layers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qaml.quantum.collapse import Collapsed, observables, signs
from qaml.quantum.statevector.network import layered_expectations, layered_unitary_columns


def _circuit(seed: int, n_wires: int, n_layers: int, d: int, batch: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    angles = 7 * torch.randn(n_layers, n_wires, 3, dtype=torch.float64, generator=generator)
    inputs = torch.randn(batch, d, dtype=torch.float64, generator=generator)
    return angles, inputs / inputs.norm(dim=1, keepdim=True)


def test_signs_read_the_first_wire_from_the_most_significant_bit() -> None:
    assert signs(2, 2).tolist() == [[1, 1, -1, -1], [1, -1, 1, -1]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 6), st.data())
def test_values_and_gradients_are_those_of_the_layers(
    seed: int, n_wires: int, n_layers: int, data: st.DataObject
) -> None:
    d = data.draw(st.integers(1, 2**n_wires))
    m = data.draw(st.integers(1, n_wires))
    angles, inputs = _circuit(seed, n_wires, n_layers, d)
    collapsed = Collapsed(layered_unitary_columns(angles, d), signs(n_wires, m))
    weights = torch.randn(3, m, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    inputs.requires_grad_()
    ours, theirs = collapsed(inputs), layered_expectations(inputs, angles, m)
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)
    (own,) = torch.autograd.grad((ours * weights).sum(), inputs)
    (other,) = torch.autograd.grad((theirs * weights).sum(), inputs)
    torch.testing.assert_close(own, other, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("d", "m", "is_quadratic"), [(1024, 2, True), (784, 10, False), (64, 10, True)])
def test_the_cheaper_of_the_two_forms_is_taken(d: int, m: int, is_quadratic: bool) -> None:
    columns = torch.zeros(d, 1024, dtype=torch.complex64)
    assert Collapsed(columns, signs(10, m)).is_quadratic is is_quadratic


def test_observables_are_symmetric_bounded_and_traceless_on_the_full_space() -> None:
    angles, _ = _circuit(1, 4, 5, 16)
    full = observables(layered_unitary_columns(angles, 16), signs(4, 4))
    torch.testing.assert_close(full, full.mT, atol=1e-14, rtol=0)
    torch.testing.assert_close(
        full.diagonal(dim1=1, dim2=2).sum(1), torch.zeros(4, dtype=torch.float64), atol=1e-13, rtol=0
    )
    assert torch.linalg.eigvalsh(full).abs().max() <= 1 + 1e-12
    part = observables(layered_unitary_columns(angles, 9), signs(4, 4))
    torch.testing.assert_close(part, full[:, :9, :9], atol=1e-14, rtol=0)


def test_single_precision_is_that_of_its_columns() -> None:
    angles, inputs = _circuit(2, 5, 40, 30)
    columns = layered_unitary_columns(angles, 30)
    single, double = Collapsed(columns.to(torch.complex64), signs(5, 5)), Collapsed(columns, signs(5, 5))
    assert single(inputs.float()).dtype == torch.float32
    torch.testing.assert_close(single(inputs.float()).double(), double(inputs), atol=1e-6, rtol=0)
