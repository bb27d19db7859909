"""Expectation values of layered circuits as a torch function, and their unitary (float32, CPU)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from qaml.autograd import differentiable
from qaml.errors import PartError
from qaml.quantum.blocks import array_of, cache_lines, share
from qaml.quantum.checks import MAX_WIRES
from qaml.quantum.layered.kernel import LANES, adjoint, backward, backward_groups, forward, place, state_size
from qaml.quantum.layered.tables import Tables, gradients, tabulate
from qaml.types import FloatArray

_COLUMNS_AT_ONCE = 256
_OTHERWISE = "qaml.quantum.statevector.layers.layered_expectations takes other dtypes and devices"


def expectations(amplitudes: Tensor, weights: Tensor, n_observables: int) -> Tensor:
    """⟨Z⟩ of the first wires behind layers of Rot on every wire and CZ on neighbours, with gradients.

    Runs on ``torch.get_num_threads()`` threads; results do not depend on how many, bit for bit. The state is uncomputed
    in the backward pass (adjoint method, Jones & Gacon 2020), so memory does not grow with the number of layers but for
    the angles' tables. The circuit is West et al.'s (2022, Methods).

    Args:
        amplitudes: (batch, features ≤ 2^wires), rows of norm 1, float32 on the CPU; the rest is zero.
        weights: (layers, wires, 3) = (φ, θ, ω) in radians, Rot = RZ(ω)·RY(θ)·RZ(φ), float32 on the CPU.
        n_observables: number of wires that are measured, from wire 0 on.

    Returns:
        (batch, n_observables), float32.

    Raises:
        PartError: for shapes, dtypes or devices other than these, or more than 12 wires.
    """
    _check_weights(weights)
    _check_amplitudes(amplitudes, weights.shape[1])
    if not 1 <= n_observables <= weights.shape[1]:
        raise PartError(f"expected 1 to {weights.shape[1]} observables, got {n_observables}", "one wire each")
    if torch.is_grad_enabled() and (amplitudes.requires_grad or weights.requires_grad):
        return differentiable(_Expectations, amplitudes, weights, n_observables)
    means, _ = _forward(array_of(amplitudes), tabulate(array_of(weights).astype(np.float64)), keep=False)
    return torch.from_numpy(means[:, :n_observables].copy())


def unitary_columns(weights: Tensor, n_columns: int) -> Tensor:
    """The circuit's action on basis states: row j is U|j⟩, global phase included.

    Args:
        weights: (layers, wires, 3), as for ``expectations``.
        n_columns: number of basis states, from 0 on, at most 2^wires.

    Returns:
        (n_columns, 2^wires), complex64, without gradients.

    Raises:
        PartError: as ``expectations``.
    """
    _check_weights(weights)
    n_wires = weights.shape[1]
    n_amplitudes = 2**n_wires
    if not 1 <= n_columns <= n_amplitudes:
        raise PartError(f"expected 1 to {n_amplitudes} columns, got {n_columns}")
    # one more layer, of zeros: its diagonal is the last RZ(ω) and CZ, which expectation values do without
    angles = np.zeros((len(weights) + 1, n_wires, 3))
    angles[:-1] = array_of(weights)
    tables = tabulate(angles)
    flipped = sum(2 ** (n_wires - 1 - wire) for wire in range(n_wires) if tables.signs[-1, wire] < 0)
    k = np.arange(n_amplitudes) ^ flipped
    places = place(n_wires, k)
    columns = np.empty((n_columns, n_amplitudes), np.complex64)
    for start in range(0, n_columns, _COLUMNS_AT_ONCE):
        some = columns[start : start + _COLUMNS_AT_ONCE]
        _, states = _forward(np.eye(len(some), n_columns, start, np.float32), tables, keep=True)
        for block, state in enumerate(states):
            rows = some[block * LANES : (block + 1) * LANES]
            vectors = state.reshape(-1, 2, LANES)[places // (2 * LANES), :, : len(rows)]
            rows.real, rows.imag = vectors[:, 0].T, vectors[:, 1].T
    return torch.from_numpy(columns)


class _Expectations(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, amplitudes: Tensor, weights: Tensor, n_observables: int) -> Tensor:
        ctx.tables = tabulate(array_of(weights).astype(np.float64))
        means, ctx.states = _forward(array_of(amplitudes), ctx.tables, keep=True)
        ctx.shape = amplitudes.shape
        return torch.from_numpy(means[:, :n_observables].copy())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        wants_amplitudes, wants_weights, _ = ctx.needs_input_grad
        gradient, angles = _backward(array_of(cotangents), ctx.tables, ctx.states, ctx.shape, wants_weights)
        return (
            torch.from_numpy(gradient) if wants_amplitudes else None,
            torch.from_numpy(angles) if angles is not None else None,
            None,
        )


def _forward(rows: FloatArray, tables: Tables, keep: bool) -> tuple[FloatArray, FloatArray]:
    """Means of Z on every wire, (batch, wires), and the final states, (blocks, …), if they are to be kept."""
    n_wires = tables.tangents.shape[1]
    n_blocks = -(-len(rows) // LANES)
    kernel = forward(n_wires)
    means = np.empty((n_blocks * LANES, n_wires), np.float32)
    states = cache_lines(n_blocks if keep else 0, state_size(n_wires))

    def work(first: int, last: int) -> None:
        own = states if keep else cache_lines(1, state_size(n_wires))
        partial = cache_lines(2**n_wires * LANES)
        kernel(rows, tables.diagonals, tables.tangents, own, partial, means, first, last)

    share(n_blocks, work)
    means *= tables.signs[-1]
    return means[: len(rows)], states


def _backward(
    cotangents: FloatArray, tables: Tables, states: FloatArray, shape: tuple[int, int], with_angles: bool
) -> tuple[FloatArray, FloatArray | None]:
    """Gradients of the rows and, if wanted, of the angles."""
    n_layers, n_wires = tables.tangents.shape
    n_blocks = len(states)
    padded = np.zeros((n_blocks * LANES, n_wires), np.float32)
    padded[: len(cotangents), : cotangents.shape[1]] = cotangents
    padded *= tables.signs[-1]
    gradient = np.empty(shape, np.float32)
    sums = np.empty((n_blocks if with_angles else 0, n_layers, 2 * n_wires))
    kernel = backward(n_wires) if with_angles else adjoint(n_wires)

    def work(first: int, last: int) -> None:
        workspace = cache_lines(2 if with_angles else 1, state_size(n_wires))
        partial = cache_lines(2**n_wires * LANES)
        buffers = (workspace, partial, gradient, sums) if with_angles else (workspace, partial, gradient)
        kernel(padded, tables.diagonals, tables.tangents, states, *buffers, first, last)

    share(n_blocks, work)
    if not with_angles:
        return gradient, None
    return gradient, gradients(sums.sum(axis=0), tables, backward_groups(n_wires)).astype(np.float32)


def _check_weights(weights: Tensor) -> None:
    if weights.ndim != 3 or weights.shape[2] != 3 or 0 in weights.shape:
        raise PartError(
            f"expected weights of shape (layers, wires, 3), got {tuple(weights.shape)}",
            "φ, θ, ω of each layer and wire",
        )
    if weights.shape[1] > MAX_WIRES:
        raise PartError(f"expected at most {MAX_WIRES} wires, got {weights.shape[1]}")
    _check_kind("weights", weights)


def _check_amplitudes(amplitudes: Tensor, n_wires: int) -> None:
    if amplitudes.ndim != 2 or not 1 <= amplitudes.shape[1] <= 2**n_wires:
        raise PartError(
            f"expected amplitudes of shape (batch, features) with at most {2**n_wires} features on {n_wires} wires, "
            f"got {tuple(amplitudes.shape)}"
        )
    _check_kind("amplitudes", amplitudes)


def _check_kind(name: str, tensor: Tensor) -> None:
    if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
        raise PartError(f"expected {name} in float32 on the CPU, got {tensor.dtype} on {tensor.device}", _OTHERWISE)
