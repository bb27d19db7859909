"""Observables of a noisy layered circuit, evolved backwards once, so that every input costs one quadratic form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from qaml.errors import PartError
from qaml.quantum.channels import IDENTITY, PAULI_X, PAULI_Y, PAULI_Z, ChannelPart, GlobalChannel, WireChannel
from qaml.quantum.noise.kernel import real_parts, turn_behind_chain, turn_in_place
from qaml.types import DoubleArray

Complexes = NDArray[np.complex128]

MAX_WIRES = 12
BLOCK_BYTES = 5 * 2**16
"""Most bytes of a kernel's buffer: most of a common second-level cache; six wires of ten observables fit."""
_PAULIS = np.array((IDENTITY, PAULI_Z, PAULI_X, PAULI_Y), complex)
"""The Pauli matrices in the order of the bits (x, z) of a string: 1, Z, X, Y."""


class Stage(NamedTuple):
    """One step of the backward evolution: a map on every wire, then one on the state as a whole.

    Attributes:
        transfer: the wires' transfer matrices: (4, 4) for all of them, or (n, 4, 4).
        factor: factor on every traceless part, afterwards.
    """

    transfer: DoubleArray
    factor: float


def noisy_observables(
    weights: NDArray[np.floating], n_observables: int, channels: Sequence[ChannelPart], n_columns: int | None = None
) -> DoubleArray:
    """Re(O_k), such that ⟨Z_k⟩ behind the noisy circuit is xᵀO_kx for an amplitude-encoded real x with ‖x‖ = 1.

    A layer is Rot on every wire and the chain of CZ; the channels act after each layer, in their order. O_k = Z_k is
    evolved backwards through all layers (Heisenberg picture) in float64: logits behind strong noise are tiny.

    Args:
        weights: (layers, n, 3) the angles (φ, θ, ω) of every Rot in radians, n from 1 to 12.
        n_observables: K; Z is measured on wires 0 … K − 1.
        channels: noise after every layer, on every wire.
        n_columns: d, the features of an input (default: all 2**n); the rest of its amplitudes is zero.

    Returns:
        (K, d, d) float64, symmetric, of spectral norm at most 1; the same at any number of threads.

    Raises:
        PartError: arguments that do not fit together.
    """
    angles = np.asarray(weights, np.float64)
    n_columns = _check(angles, n_observables, n_columns)
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        share = _Share(pool, threads)
        coefficients = _evolved(angles, n_observables, _stages(channels), share)
        observables = np.empty((n_observables, n_columns, n_columns))
        signs = _signs(angles.shape[1])
        share(partial(real_parts, coefficients, signs, observables), len(signs))
    return observables


def transfer_matrix(operators: Complexes) -> DoubleArray:
    """The action of Kraus operators on observables of one wire: T_ij = tr(P_i Σ K†P_jK)/2 with P = 1, Z, X, Y.

    Args:
        operators: (..., n_operators, 2, 2).

    Returns:
        (..., 4, 4) real; the first column is (1, 0, 0, 0), since the channel preserves the trace.
    """
    adjoint = operators.conj().swapaxes(-1, -2)
    evolved = (adjoint[..., None, :, :] @ _PAULIS @ operators[..., None, :, :]).sum(-4)
    transfer: DoubleArray = np.einsum("iab,...jba->...ij", _PAULIS, evolved).real / 2
    return transfer


def rotations(angles: DoubleArray) -> Complexes:
    """Rot(φ, θ, ω) = RZ(ω) RY(θ) RZ(φ): (..., 3) → (..., 2, 2)."""
    phi, theta, omega = np.moveaxis(angles, -1, 0)
    cosine, sine = np.cos(theta / 2), np.sin(theta / 2)
    both, either = np.exp(0.5j * (phi + omega)), np.exp(0.5j * (phi - omega))
    rows = (cosine / both, -sine * either), (sine / either, cosine * both)
    return np.stack([np.stack(row, -1) for row in rows], -2)


class _Share:
    """Runs a function of (first, last) over a range, on several threads."""

    def __init__(self, pool: ThreadPoolExecutor, threads: int) -> None:
        self._pool = pool
        self._threads = threads

    def __call__(self, function: Callable[[int, int], None], n: int) -> None:
        edges = np.linspace(0, n, min(self._threads, n) + 1).astype(int).tolist()
        list(self._pool.map(lambda span: function(*span), pairwise(edges)))


def _check(angles: DoubleArray, n_observables: int, n_columns: int | None) -> int:
    if angles.ndim != 3 or angles.shape[2] != 3 or not 1 <= angles.shape[1] <= MAX_WIRES:
        raise PartError(f"expected weights of shape (layers, 1 to {MAX_WIRES} wires, 3), got {angles.shape}")
    n_wires = angles.shape[1]
    if not 1 <= n_observables <= n_wires:
        raise PartError(f"expected 1 to {n_wires} observables on {n_wires} wires, got {n_observables}")
    columns = 2**n_wires if n_columns is None else n_columns
    if not 1 <= columns <= 2**n_wires:
        raise PartError(f"expected 1 to {2**n_wires:,} features on {n_wires} wires, got {columns:,}")
    return columns


def _stages(channels: Sequence[ChannelPart]) -> list[Stage]:
    """The channels backwards, with as few passes over the wires as possible."""
    stages = [Stage(np.eye(4), 1.0)]
    for channel in reversed(channels):
        transfer, factor = stages[-1]
        if isinstance(channel, GlobalChannel):
            stages[-1] = Stage(transfer, factor * channel.factor())
            continue
        if not isinstance(channel, WireChannel):
            raise PartError(
                f"channel {channel.kind!r} acts neither on wires nor on the whole state",
                "derive it from WireChannel or GlobalChannel",
            )
        own = transfer_matrix(np.array(channel.kraus(), complex))
        stages[-1:] = [Stage(own @ transfer, 1.0)] if factor == 1 else [stages[-1], Stage(own, 1.0)]
    return stages


def _evolved(angles: DoubleArray, n_observables: int, noise: list[Stage], share: _Share) -> DoubleArray:
    n_layers, n_wires, _ = angles.shape
    turns = transfer_matrix(rotations(angles)[:, :, None])
    turns[..., 0, 1:] = 0  # a trace made by rounding would outlive the logits behind strong noise
    state = _Evolution(n_wires, n_observables, share)
    if n_layers:
        state.pass_back(noise, chained=False)
    for layer in reversed(range(n_layers)):
        behind = noise if layer else [Stage(np.eye(4), 1.0)]
        # a rotation is unitary: it leaves the trace alone, so it goes together with what comes next
        state.pass_back([Stage(behind[0].transfer @ turns[layer], behind[0].factor), *behind[1:]], chained=True)
    return state.coefficients()


class _Evolution:
    """Z_k on its way back; traces apart from the rest, because they keep what a global channel takes from the rest."""

    def __init__(self, n_wires: int, n_observables: int, share: _Share) -> None:
        self._n_wires = n_wires
        n_strings = 2**n_wires
        self._strings = np.zeros((n_strings, n_strings, n_observables))
        for k in range(n_observables):
            self._strings[0, n_strings >> (k + 1), k] = 1
        self._spare = np.empty_like(self._strings)
        self._traces = np.zeros(n_observables)
        self._factor = 1.0
        self._signs = _signs(n_wires)
        self._groups = _groups(n_wires, n_observables)
        self._share = share

    def pass_back(self, stages: Sequence[Stage], *, chained: bool) -> None:
        """Take the observables back through the CZ chain, if requested, and then through the stages."""
        for stage in stages:
            self._turn(np.broadcast_to(stage.transfer, (self._n_wires, 4, 4)), chained)
            # channels keep the identity, so a trace once made stays as it is
            self._traces += self._factor * self._strings[0, 0]
            self._strings[0, 0] = 0
            self._factor *= stage.factor
            chained = False

    def coefficients(self) -> DoubleArray:
        """The coefficients of all strings, (2**n, 2**n, n_observables)."""
        self._strings *= self._factor
        self._strings[0, 0] = self._traces
        return self._strings

    def _turn(self, transfers: DoubleArray, chained: bool) -> None:
        for group in self._groups:
            own = np.ascontiguousarray(transfers[group.first : group.last])
            blocks = 4 ** (self._n_wires - len(own))
            if chained:
                self._share(partial(turn_behind_chain, self._strings, self._spare, own, self._signs), blocks)
                self._strings, self._spare, chained = self._spare, self._strings, False
            else:
                shift = self._n_wires - group.last
                turn = partial(turn_in_place, self._strings, own, shift, group.together)
                self._share(turn, blocks >> group.together)


class _Group(NamedTuple):
    """Neighbouring wires that a pass turns: the first, the one to stop before, and the kernel's ``together``."""

    first: int
    last: int
    together: int


def _groups(n_wires: int, n_observables: int) -> list[_Group]:
    """As few passes as the buffer allows, the last wires first: they are contiguous in memory, as the CZ chain needs.

    The last wires are as many as fit. The others share the rest, with room for four neighbouring blocks at least.
    """
    strings = BLOCK_BYTES // (8 * n_observables)
    width = max(w for w in range(1, MAX_WIRES + 1) if w == 1 or 4**w <= strings)
    behind = max(n_wires - width, 0)
    edges = np.linspace(behind, 0, -(-behind // max(width - 1, 1)) + 1).astype(int).tolist()
    return [
        _Group(first, last, max(min(n_wires - last, (strings >> 2 * (last - first)).bit_length() - 1), 0))
        for last, first in pairwise([n_wires, *edges])
    ]


def _signs(n_wires: int) -> DoubleArray:
    return np.array([1.0 - 2 * (value.bit_count() % 2) for value in range(2**n_wires)])
