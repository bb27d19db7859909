"""Observables evolved backwards give what density matrices carried forwards give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qaml.errors import PartError
from qaml.quantum.channels import (
    AmplitudeDamping,
    BitFlip,
    ChannelPart,
    Depolarising,
    GlobalDepolarising,
    PhaseFlip,
)
from qaml.quantum.noise.evolution import noisy_observables
from qaml.quantum.statevector.network import layered_unitary_columns
from tests.quantum.noise.plain import CHANNEL_LISTS, Floats, expectations

MIXED = [Depolarising(probability=0.02), AmplitudeDamping(gamma=0.1), BitFlip(probability=0.05)]


def angles(n_layers: int, n_wires: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(0, 2 * np.pi, (n_layers, n_wires, 3))


def unit_vectors(count: int, n_features: int, seed: int = 1) -> Floats:
    vectors = np.random.default_rng(seed).normal(size=(count, n_features))
    units: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def forms(observables: Floats, inputs: Floats) -> Floats:
    values: Floats = np.einsum("bi,kij,bj->bk", inputs, observables, inputs)
    return values


def pennylane_expectations(weights: Floats, inputs: Floats, channels: Sequence[ChannelPart]) -> Floats:
    n_wires = weights.shape[1]
    theirs = {
        "depolarising": lambda c, w: qml.DepolarizingChannel(c.probability, w),
        "amplitude_damping": lambda c, w: qml.AmplitudeDamping(c.gamma, w),
        "bit_flip": lambda c, w: qml.BitFlip(c.probability, w),
        "phase_flip": lambda c, w: qml.PhaseFlip(c.probability, w),
    }

    @qml.qnode(qml.device("default.mixed", wires=n_wires))  # type: ignore[untyped-decorator]
    def circuit() -> list[Any]:
        qml.AmplitudeEmbedding(inputs, wires=range(n_wires))
        for layer in weights:
            for wire in range(n_wires):
                qml.Rot(*layer[wire], wires=wire)
            for wire in range(n_wires - 1):
                qml.CZ(wires=[wire, wire + 1])
            for channel in channels:
                for wire in range(n_wires):
                    theirs[channel.kind](channel, wire)
        return [qml.expval(qml.PauliZ(wire)) for wire in range(n_wires)]

    return np.array(circuit())


@pytest.mark.parametrize("n_wires", [1, 2, 3, 4])
def test_agrees_with_pennylane(n_wires: int) -> None:
    weights, inputs = angles(3, n_wires), unit_vectors(1, 2**n_wires)
    ours = forms(noisy_observables(weights, n_wires, [*MIXED, PhaseFlip(probability=0.3)]), inputs)[0]
    theirs = pennylane_expectations(weights, inputs[0], [*MIXED, PhaseFlip(probability=0.3)])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 2**31), CHANNEL_LISTS)
def test_agrees_with_density_matrices(n_wires: int, n_layers: int, seed: int, channels: list[ChannelPart]) -> None:
    weights, inputs = angles(n_layers, n_wires, seed), unit_vectors(2, 2**n_wires, seed)
    ours = forms(noisy_observables(weights, n_wires, channels), inputs)
    plain = [expectations(weights, vector, n_wires, channels) for vector in inputs]
    np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-13)


# up to 5 wires are one group of a pass, 6 to 8 with as many observables two
@pytest.mark.parametrize(("n_wires", "n_observables"), [(1, 1), (5, 5), (6, 6), (7, 2), (8, 8)])
def test_without_noise_it_is_the_unitarys(n_wires: int, n_observables: int) -> None:
    weights = angles(4, n_wires)
    rows = layered_unitary_columns(torch.from_numpy(weights), 2**n_wires).numpy()
    assert rows.dtype == np.complex128
    signs = np.array([1 - 2 * (np.arange(2**n_wires) >> (n_wires - 1 - k) & 1) for k in range(n_observables)])
    expected = np.einsum("ir,kr,jr->kij", rows.conj(), signs, rows).real
    np.testing.assert_allclose(noisy_observables(weights, n_observables, []), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("n_columns", [1, 5, 28, 32])
def test_fewer_features_cut_the_matrices(n_columns: int) -> None:
    weights = angles(2, 5)
    whole, cut = noisy_observables(weights, 3, MIXED), noisy_observables(weights, 3, MIXED, n_columns)
    assert whole.shape == (3, 32, 32)
    np.testing.assert_array_equal(cut, whole[:, :n_columns, :n_columns])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**31), CHANNEL_LISTS)
def test_matrices_are_symmetric_and_bounded(n_wires: int, seed: int, channels: list[ChannelPart]) -> None:
    observables = noisy_observables(angles(3, n_wires, seed), n_wires, channels)
    np.testing.assert_array_equal(observables, observables.swapaxes(1, 2))
    assert np.abs(np.linalg.eigvalsh(observables)).max() <= 1 + 1e-12


@pytest.mark.parametrize("p", [0.0, 0.1, 0.9])
def test_global_depolarising_scales_and_decides_the_same(p: float) -> None:
    weights, inputs = angles(6, 4), unit_vectors(50, 16)
    clean = forms(noisy_observables(weights, 4, []), inputs)
    noisy = forms(noisy_observables(weights, 4, [GlobalDepolarising(probability=p)]), inputs)
    np.testing.assert_allclose(noisy, (1 - p) ** 6 * clean, rtol=0, atol=1e-14 * (1 - p) ** 6)
    np.testing.assert_array_equal(noisy.argmax(1), clean.argmax(1))


def test_tiny_logits_keep_their_digits() -> None:
    weights, inputs = angles(100, 3), unit_vectors(20, 8)
    clean = forms(noisy_observables(weights, 3, []), inputs)
    noisy = forms(noisy_observables(weights, 3, [GlobalDepolarising(probability=0.9)]), inputs)
    assert 0 < np.abs(noisy).max() < 1e-100
    np.testing.assert_allclose(noisy * 1e100, clean, rtol=0, atol=1e-12)


def test_full_damping_after_the_last_layer_gives_the_ground_state() -> None:
    observables = noisy_observables(angles(2, 4), 4, [AmplitudeDamping(gamma=1)])
    np.testing.assert_allclose(observables, np.broadcast_to(np.eye(16), (4, 16, 16)), rtol=0, atol=1e-15)


def test_order_of_channels_counts() -> None:
    damped, mixed = AmplitudeDamping(gamma=1), GlobalDepolarising(probability=0.5)
    last = noisy_observables(angles(1, 2), 2, [damped, mixed])
    np.testing.assert_allclose(last, np.broadcast_to(np.eye(4) / 2, (2, 4, 4)), rtol=0, atol=1e-15)
    first = noisy_observables(angles(1, 2), 2, [mixed, damped])
    np.testing.assert_allclose(first, np.broadcast_to(np.eye(4), (2, 4, 4)), rtol=0, atol=1e-15)


def test_input_gradients_are_those_of_the_density_matrices() -> None:
    weights, vector = angles(2, 3), unit_vectors(1, 8)[0] * 3
    inputs = torch.from_numpy(vector).requires_grad_()
    observables = torch.from_numpy(noisy_observables(weights, 1, MIXED))
    (inputs @ observables[0] @ inputs / inputs.square().sum()).backward()  # type: ignore[no-untyped-call]
    assert inputs.grad is not None

    def logit(x: Floats) -> float:
        return float(expectations(weights, x / np.linalg.norm(x), 1, MIXED)[0])

    differences = [(logit(vector + step) - logit(vector - step)) / 2e-5 for step in 1e-5 * np.eye(8)]
    np.testing.assert_allclose(inputs.grad, differences, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_wires", [1, 3, 6])
def test_thread_counts_agree_bit_for_bit(n_wires: int) -> None:
    weights, before = angles(3, n_wires), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(noisy_observables(weights, n_wires, MIXED))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_arguments_are_left_alone() -> None:
    weights = angles(2, 3).astype(np.float32)
    copy = weights.copy()
    noisy_observables(weights, 3, MIXED)
    np.testing.assert_array_equal(weights, copy)


@pytest.mark.parametrize(
    ("shape", "n_observables", "n_columns", "message"),
    [
        ((2, 3), 1, None, "expected weights of shape"),
        ((2, 3, 2), 1, None, "expected weights of shape"),
        ((2, 13, 3), 1, None, r"expected weights of shape \(layers, 1 to 12 wires, 3\), got \(2, 13, 3\)"),
        ((2, 3, 3), 4, None, "expected 1 to 3 observables on 3 wires, got 4"),
        ((2, 3, 3), 0, None, "expected 1 to 3 observables on 3 wires, got 0"),
        ((2, 3, 3), 1, 9, "expected 1 to 8 features on 3 wires, got 9"),
        ((2, 3, 3), 1, 0, "expected 1 to 8 features on 3 wires, got 0"),
    ],
)
def test_mistakes_are_named(shape: tuple[int, ...], n_observables: int, n_columns: int | None, message: str) -> None:
    with pytest.raises(PartError, match=message):
        noisy_observables(np.zeros(shape), n_observables, [], n_columns)


def test_a_channel_of_neither_kind_is_named() -> None:
    class Neither(ChannelPart):
        kind: str = "package/neither"

    with pytest.raises(PartError, match="channel 'package/neither' acts neither on wires nor on the whole state"):
        noisy_observables(np.zeros((1, 1, 3)), 1, [Neither()])
