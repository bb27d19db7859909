"""Every channel is one: completely positive, trace preserving, and PennyLane's of the same name."""

from __future__ import annotations

import math

import numpy as np
import pennylane as qml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qaml.quantum.channels import (
    CHANNELS,
    AmplitudeDamping,
    BitFlip,
    Depolarising,
    GaussianRotation,
    GlobalChannel,
    GlobalDepolarising,
    PauliChannel,
    PhaseFlip,
    WireChannel,
)
from qaml.quantum.noise.evolution import transfer_matrix
from tests.quantum.noise.plain import PROBABILITIES, WIRE_CHANNELS, Complexes, after, pauli_channels, rotation

ONE_OF_EACH = [
    Depolarising(probability=0.1),
    GlobalDepolarising(probability=0.1),
    AmplitudeDamping(gamma=0.1),
    BitFlip(probability=0.1),
    PhaseFlip(probability=0.1),
    PauliChannel(px=0.1, py=0.2, pz=0.3),
    GaussianRotation(sigma=0.3, beta=2.0),
]


def choi(operators: Complexes) -> Complexes:
    """Σ vec(K) vec(K)†: the channel's matrix, whichever Kraus operators it is written in."""
    vectors = operators.reshape(len(operators), 4)
    product: Complexes = vectors.T @ vectors.conj()
    return product


def kraus(channel: WireChannel) -> Complexes:
    return np.array(channel.kraus(), complex)


def test_every_kind_is_tested() -> None:
    assert [channel.kind for channel in ONE_OF_EACH] == CHANNELS.kinds()


@pytest.mark.parametrize("channel", ONE_OF_EACH, ids=lambda channel: channel.kind)
def test_every_kind_acts_on_wires_or_on_the_whole(channel: object) -> None:
    assert isinstance(channel, WireChannel) != isinstance(channel, GlobalChannel)


@given(WIRE_CHANNELS)
def test_trace_is_preserved(channel: WireChannel) -> None:
    operators = kraus(channel)
    np.testing.assert_allclose(sum(k.conj().T @ k for k in operators), np.eye(2), rtol=0, atol=1e-15)


@given(WIRE_CHANNELS)
def test_channel_is_completely_positive(channel: WireChannel) -> None:
    eigenvalues = np.linalg.eigvalsh(choi(kraus(channel)))
    assert eigenvalues.min() >= -1e-15
    assert eigenvalues.sum() == pytest.approx(2, abs=1e-14)


@given(PROBABILITIES)
def test_global_depolarising_is_a_channel(p: float) -> None:
    channel = GlobalDepolarising(probability=p)
    pair = np.zeros((4, 4, 4, 4), complex)
    for i in range(4):
        for j in range(4):
            entry = np.zeros((4, 4), complex)
            entry[i, j] = 1
            pair[i, :, j, :] = after(channel, entry, 2)
    assert np.linalg.eigvalsh(pair.reshape(16, 16)).min() >= -1e-15
    np.testing.assert_allclose(np.einsum("iaja->ij", pair), np.eye(4), atol=1e-15)


# PennyLane adds 1e-14 under its roots, which shows at the ends
@given(st.floats(0.01, 0.99))
def test_channels_are_pennylanes(p: float) -> None:
    pairs = [
        (Depolarising(probability=p), qml.DepolarizingChannel),
        (AmplitudeDamping(gamma=p), qml.AmplitudeDamping),
        (BitFlip(probability=p), qml.BitFlip),
        (PhaseFlip(probability=p), qml.PhaseFlip),
    ]
    for ours, theirs in pairs:
        expected = np.array(theirs.compute_kraus_matrices(p), complex)
        np.testing.assert_allclose(choi(kraus(ours)), choi(expected), rtol=0, atol=1e-13)


# PennyLane makes a real matrix of Y, which it does not use, for X and Z
@pytest.mark.filterwarnings("ignore:Casting complex values to real:numpy.exceptions.ComplexWarning")
@given(pauli_channels())
def test_pauli_channel_mixes_pennylanes_errors(channel: PauliChannel) -> None:
    expected = (1 - channel.px - channel.py - channel.pz) * choi(np.eye(2, dtype=complex)[None])
    for word, p in (("X", channel.px), ("Y", channel.py), ("Z", channel.pz)):
        error = np.array(qml.PauliError.compute_kraus_matrices(1.0, word)[1], complex)
        expected = expected + p * choi(error[None])
    np.testing.assert_allclose(choi(kraus(channel)), expected, rtol=0, atol=1e-13)


@given(st.one_of(pauli_channels(), PROBABILITIES.map(lambda p: Depolarising(probability=p))))
def test_pauli_errors_make_no_trace_not_even_by_rounding(channel: WireChannel) -> None:
    assert transfer_matrix(kraus(channel))[0].tolist() == [pytest.approx(1, abs=1e-15), 0, 0, 0]


@given(st.floats(0, 2), st.floats(-2, 2))
def test_gaussian_rotation_is_the_average_over_angles(sigma: float, beta: float) -> None:
    # E f(η) = Σ w_i f(√2 σ x_i)/√π, exact to rounding for the few periods that ση covers
    nodes, weights = np.polynomial.hermite.hermgauss(80)
    averaged = sum(
        w / math.sqrt(math.pi) * choi(rotation(0, math.sqrt(2) * sigma * x * beta, 0)[None])
        for x, w in zip(nodes, weights, strict=True)
    )
    np.testing.assert_allclose(choi(kraus(GaussianRotation(sigma=sigma, beta=beta))), averaged, atol=1e-13)


def test_amplitude_damping_ends_in_the_ground_state() -> None:
    excited = np.diag([0, 1]).astype(complex)
    np.testing.assert_allclose(after(AmplitudeDamping(gamma=1), excited, 1), np.diag([1, 0]))
    np.testing.assert_allclose(after(AmplitudeDamping(gamma=0.3), excited, 1), np.diag([0.3, 0.7]))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("depolarising", '"probability": 1.01'),
        ("depolarising", '"probability": -0.01'),
        ("global_depolarising", '"probability": 2'),
        ("amplitude_damping", '"gamma": 1.5'),
        ("bit_flip", '"probability": -1'),
        ("phase_flip", '"probability": 1.5'),
        ("gaussian_rotation", '"sigma": -1'),
    ],
)
def test_probabilities_have_bounds(kind: str, fields: str) -> None:
    with pytest.raises(ValidationError, match=r"Input should be (less|greater) than or equal to"):
        CHANNELS.load(kind).model_validate_json(f'{{"kind": "{kind}", {fields}}}')


def test_paulis_probabilities_fit_together() -> None:
    with pytest.raises(ValidationError, match=r"expected px \+ py \+ pz of at most 1, got 1\.2"):
        PauliChannel(px=0.5, py=0.4, pz=0.3)
