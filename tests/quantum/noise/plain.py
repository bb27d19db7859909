"""A plain reference: density matrices, one Kraus operator at a time, and channels to try."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qaml.quantum.channels import (
    IDENTITY,
    PAULI_Z,
    AmplitudeDamping,
    BitFlip,
    ChannelPart,
    Depolarising,
    GaussianRotation,
    GlobalChannel,
    GlobalDepolarising,
    Matrix,
    PauliChannel,
    PhaseFlip,
    WireChannel,
)

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

PROBABILITIES = st.floats(0, 1)


def pauli_channels() -> st.SearchStrategy[PauliChannel]:
    # thirds, so that rounding never takes the sum above one
    thirds = st.tuples(*[st.floats(0, 1 / 3)] * 3)
    return thirds.map(lambda p: PauliChannel(px=p[0], py=p[1], pz=p[2]))


WIRE_CHANNELS: st.SearchStrategy[WireChannel] = st.one_of(
    *(PROBABILITIES.map(lambda p, kind=kind: kind(probability=p)) for kind in (Depolarising, BitFlip, PhaseFlip)),  # type: ignore[misc]
    PROBABILITIES.map(lambda p: AmplitudeDamping(gamma=p)),
    pauli_channels(),
    st.tuples(st.floats(0, 10), st.floats(-10, 10)).map(lambda f: GaussianRotation(sigma=f[0], beta=f[1])),
)
CHANNEL_LISTS: st.SearchStrategy[list[ChannelPart]] = st.lists(
    WIRE_CHANNELS | PROBABILITIES.map(lambda p: GlobalDepolarising(probability=p)), max_size=4
)


def on_wire(matrix: Matrix | Complexes, wire: int, n_wires: int) -> Complexes:
    """The matrix on one wire, the identity on the others."""
    return product([np.array(matrix if w == wire else IDENTITY, complex) for w in range(n_wires)])


def product(matrices: Iterable[Complexes]) -> Complexes:
    """The Kronecker product."""
    whole = np.ones((1, 1), complex)
    for matrix in matrices:
        whole = np.kron(whole, matrix)
    return whole


def rotation(phi: float, theta: float, omega: float) -> Complexes:
    def rz(angle: float) -> Complexes:
        return np.array([[np.exp(-0.5j * angle), 0], [0, np.exp(0.5j * angle)]])

    c, s = np.cos(theta / 2), np.sin(theta / 2)
    turned: Complexes = rz(omega) @ np.array([[c, -s], [s, c]]) @ rz(phi)
    return turned


def after(channel: ChannelPart, state: Complexes, n_wires: int) -> Complexes:
    """The density matrix behind a channel on every wire."""
    if isinstance(channel, GlobalChannel):
        mixed = np.trace(state) * np.eye(len(state)) / len(state)
        replaced: Complexes = channel.factor() * state + (1 - channel.factor()) * mixed
        return replaced
    assert isinstance(channel, WireChannel)
    for wire in range(n_wires):
        operators = [on_wire(matrix, wire, n_wires) for matrix in channel.kraus()]
        state = np.sum([k @ state @ k.conj().T for k in operators], axis=0)
    return state


def expectations(weights: Floats, inputs: Floats, n_observables: int, channels: Sequence[ChannelPart]) -> Floats:
    """⟨Z_k⟩ behind the noisy circuit for one normalised input of 2**n features."""
    n_wires = weights.shape[1]
    state: Complexes = np.outer(inputs, inputs).astype(complex)
    for layer in weights:
        unitary = product(rotation(*angles) for angles in layer)
        for first, second in pairwise(range(n_wires)):
            both_on = (np.eye(2**n_wires) - on_wire(PAULI_Z, first, n_wires)) / 2
            unitary = unitary - both_on @ (unitary - on_wire(PAULI_Z, second, n_wires) @ unitary)
        state = unitary @ state @ unitary.conj().T
        for channel in channels:
            state = after(channel, state, n_wires)
    return np.array([np.trace(on_wire(PAULI_Z, wire, n_wires) @ state).real for wire in range(n_observables)])
