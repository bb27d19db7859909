"""The kernel of any circuit against the torch path and PennyLane, and what its results must not depend on."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qaml.errors import PartError
from qaml.quantum.circuit import Angle, Circuit, Gate, entangling_gates, repeated
from qaml.quantum.reference import reference
from qaml.quantum.statevector import network as statevector
from qaml.quantum.vector.kernel import LANES, STEEPEST
from qaml.quantum.vector.network import final_states, run
from tests.quantum.circuits import Case, cases

RIGHT_ANGLES = torch.pi / 2 * torch.arange(-8, 9)


def reuploading(n_wires: int, n_layers: int) -> Circuit:
    """Rot of features, RY of weights, a ring of CNOTs and gates of two wires; turns and phases of both kinds."""
    rotations = [Gate("rot", (w,), tuple(Angle("feature", 3 * w + i) for i in range(3))) for w in range(n_wires)]
    turns = [Gate("ry", (w,), (Angle("weight", w),)) for w in range(n_wires)]
    pair = (Gate("ising_xx", (n_wires - 1, 0), (Angle("feature", 0, 0.7),)),) if n_wires > 1 else ()
    phases = [Gate("rz", (w,), (Angle("weight", n_wires + w),)) for w in range(0, n_wires, 2)]
    block = (*rotations, *turns, *entangling_gates("cnot_ring", n_wires), *pair, *phases)
    return Circuit(n_wires, "zero", repeated(block, n_layers), tuple(range(n_wires)))


def filled(circuit: Circuit, batch: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Weights and features around the circle."""
    generator = torch.Generator().manual_seed(seed)
    weights = 2 * torch.pi * torch.rand(circuit.n_weights, generator=generator)
    return weights, 2 * torch.pi * torch.rand(batch, circuit.n_features, generator=generator)


def differentiated(circuit: Circuit, weights: Tensor, inputs: Tensor, cotangents: Tensor) -> tuple[Tensor, ...]:
    """Values and gradients of weights and inputs."""
    weights, inputs = weights.clone().requires_grad_(), inputs.clone().requires_grad_()
    values = run(circuit, weights, inputs)
    return values.detach(), *torch.autograd.grad(values, (weights, inputs), cotangents)


def assert_follows(circuit: Circuit, arrays: list[Tensor], of_states: bool = False) -> None:
    """Values and gradients are within single precision of the torch path in double precision."""
    single = [a.to(torch.complex64 if a.is_complex() else torch.float32).detach().requires_grad_() for a in arrays]
    double = [a.to(torch.complex128 if a.is_complex() else torch.float64).detach().requires_grad_() for a in single]
    own, other = (final_states, statevector.final_states) if of_states else (run, statevector.run)
    values, expected = own(circuit, *single), other(circuit, *double)
    torch.testing.assert_close(values.to(expected.dtype), expected, rtol=0, atol=3e-6)
    if not expected.requires_grad:
        return
    cotangents = torch.randn(expected.shape, generator=torch.Generator().manual_seed(2), dtype=expected.dtype)
    found = torch.autograd.grad(values, single, cotangents.to(values.dtype), allow_unused=True)
    for gradient, right in zip(
        found, torch.autograd.grad(expected, double, cotangents, allow_unused=True), strict=True
    ):
        if right is None or right.numel() == 0:
            assert gradient is None or not gradient.any()
        else:
            assert gradient is not None
            largest = max(1.0, float(right.abs().max()))
            torch.testing.assert_close(gradient.to(right.dtype), right, rtol=0, atol=1e-5 * largest)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=cases(max_wires=6, max_gates=20), of_states=st.booleans())
def test_values_and_gradients_are_those_of_the_torch_path(case: Case, of_states: bool) -> None:
    assert_follows(case.circuit, list(case[1:]), of_states)


@pytest.mark.parametrize(("n_wires", "n_layers"), [(1, 3), (7, 2), (9, 2), (12, 1)])
def test_many_wires_follow_the_torch_path(n_wires: int, n_layers: int) -> None:
    circuit = reuploading(n_wires, n_layers)
    assert_follows(circuit, list(filled(circuit, 3)))


def test_it_is_pennylanes_circuit() -> None:
    circuit = reuploading(4, 3)
    weights, inputs = filled(circuit, LANES + 3)
    cotangents = torch.randn(len(inputs), 4, generator=torch.Generator().manual_seed(2))
    values, of_weights, of_inputs = differentiated(circuit, weights, inputs, cotangents)
    double = [array.double().requires_grad_() for array in (weights, inputs)]
    expected = reference(circuit)(*double)
    right = torch.autograd.grad(expected, double, cotangents.double())
    np.testing.assert_allclose(values, expected.detach(), atol=2e-6)
    np.testing.assert_allclose(of_weights, right[0], atol=1e-5)
    np.testing.assert_allclose(of_inputs, right[1], atol=1e-5)


@pytest.mark.parametrize("source", ["weight", "feature"])
def test_angles_without_a_tangent_lose_no_precision(source: str) -> None:
    """Around π a turn is written by its cotangent; in one vector both kinds meet."""
    gates = tuple(Gate("ry", (w,), (Angle("weight" if source == "weight" else "feature", w),)) for w in range(4))
    circuit = Circuit(4, "zero", gates + entangling_gates("cnot_ring", 4) + gates, (0, 2))
    near = torch.pi + torch.tensor([0.0, 1e-7, -1e-3, 2 / STEEPEST, -2 / STEEPEST, 0.1])
    angles = torch.cat([RIGHT_ANGLES, near, torch.tensor([1e4, -123456.7, 1e-30])])
    rows = torch.stack([angles.roll(i) for i in range(4)], 1)
    if source == "feature":
        assert_follows(circuit, [torch.zeros(0), rows])
    else:
        for row in rows[::4]:
            assert_follows(circuit, [row, torch.zeros(2, 1)])


@pytest.mark.parametrize("batch", [1, LANES - 1, LANES, LANES + 1, 70])
def test_a_sample_does_not_depend_on_the_others(batch: int) -> None:
    circuit = reuploading(5, 2)
    weights, inputs = filled(circuit, 70)
    inputs[::9, 1] = torch.pi
    cotangents = torch.randn(70, 5, generator=torch.Generator().manual_seed(2))
    values, _, of_inputs = differentiated(circuit, weights, inputs, cotangents)
    some = torch.arange(batch) * 11 % 70
    some_values, _, of_some = differentiated(circuit, weights, inputs[some], cotangents[some])
    assert torch.equal(some_values, values[some])
    assert torch.equal(of_some, of_inputs[some])


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    circuit = reuploading(5, 2)
    weights, inputs = filled(circuit, 70)
    threads, results = torch.get_num_threads(), []
    try:
        for n in (1, 3):
            torch.set_num_threads(n)
            states = final_states(circuit, weights, inputs)
            results.append((states, *differentiated(circuit, weights, inputs, torch.ones(70, 5))))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_gradients_of_amplitudes_alone_are_those_beside_the_weights() -> None:
    circuit = reuploading(4, 2)._replace(encoding="amplitude")
    weights, inputs = filled(circuit, 19)
    cotangents = torch.randn(19, 4, generator=torch.Generator().manual_seed(2))
    fixed = Circuit(
        4, "amplitude", tuple(g for g in circuit.operations if g.name in {"ry", "rz", "cnot"}), (0, 1, 2, 3)
    )
    weights = weights[: fixed.n_weights]
    alone = inputs.clone().requires_grad_()
    values = run(fixed, weights, alone)
    (of_inputs,) = torch.autograd.grad(values, alone, cotangents)
    expected, _, beside = differentiated(fixed, weights, inputs, cotangents)
    assert torch.equal(values.detach(), expected)
    np.testing.assert_allclose(of_inputs, beside, atol=1e-6)


def test_gradients_are_of_first_order_and_only_where_they_are_wanted() -> None:
    circuit = reuploading(2, 1)
    weights, inputs = filled(circuit, 3)
    assert not run(circuit, weights, inputs).requires_grad
    with torch.no_grad():
        assert not run(circuit, weights.clone().requires_grad_(), inputs).requires_grad
    inputs.requires_grad_()
    (gradient,) = torch.autograd.grad(run(circuit, weights, inputs).square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()  # type: ignore[no-untyped-call]


def test_a_graph_that_is_kept_gives_the_same_gradients_again() -> None:
    circuit = reuploading(3, 2)
    weights, inputs = (array.requires_grad_() for array in filled(circuit, 9))
    loss = run(circuit, weights, inputs).square().sum()
    first, second = (torch.autograd.grad(loss, (weights, inputs), retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_numbers_that_are_none_stay_with_their_sample() -> None:
    circuit = reuploading(3, 2)
    weights, inputs = filled(circuit, LANES)
    spoilt = inputs.clone()
    spoilt[2, 4], spoilt[5, 0] = torch.nan, torch.inf
    values, expected = run(circuit, weights, spoilt), run(circuit, weights, inputs)
    others = torch.tensor([i for i in range(LANES) if i not in (2, 5)])
    assert values[[2, 5]].isnan().all()
    assert torch.equal(values[others], expected[others])
    weights[1] = torch.nan
    assert run(circuit, weights, inputs).isnan().all()


def test_zeros_and_empty_batches_are_taken() -> None:
    circuit = reuploading(2, 1)._replace(encoding="amplitude")
    fixed = Circuit(2, "amplitude", tuple(g for g in circuit.operations if g.name == "ry"), (0, 1))
    weights = torch.ones(fixed.n_weights)
    assert not run(fixed, weights, torch.zeros(3, 4)).any()
    values, of_weights, of_inputs = differentiated(fixed, weights, torch.zeros(0, 4), torch.zeros(0, 2))
    assert values.shape == (0, 2)
    assert not of_weights.any()
    assert of_inputs.shape == (0, 4)


def test_double_precision_takes_the_torch_path() -> None:
    circuit = reuploading(3, 1)
    weights, inputs = filled(circuit, 4)
    for own, other in ((run, statevector.run), (final_states, statevector.final_states)):
        assert torch.equal(own(circuit, weights, inputs.double()), other(circuit, weights, inputs.double()))


def test_mistakes_are_named() -> None:
    circuit = reuploading(2, 1)
    weights, inputs = filled(circuit, 4)
    with pytest.raises(PartError, match=r"expected weights of shape \(3,\), got \(4,\)"):
        run(circuit, torch.zeros(4), inputs)
    with pytest.raises(PartError, match="expected at least 6 features, got 5"):
        run(circuit, weights, inputs[:, :5])
