"""The kernel's input from a circuit's angles, and the angles' gradients from the kernel's output.

**Diagonals.** RZ(ω) of layer l − 1, the chain of CZ and RZ(φ) of layer l follow one another and are diagonal: one
product a layer. The last layer's ω and CZ change no expectation value of Z.

**Rotations without cosines.** RY(θ) = cos(θ/2)·[[1, −t], [t, 1]], t = tan(θ/2); the product of a layer's cosines goes
into its diagonal. Where |t| > 1, RY(θ) = RY(θ − π)·XZ, whose tangent is −1/t; Z goes into the diagonal.

**Frame.** X is not applied but remembered: amplitude k of the state is stored at k XOR m, m the wires with an odd
number of X so far. On such a wire, RZ(α) and RY(θ) become RZ(−α) and RY(−θ), and Z becomes −Z. CZ on wires p, q becomes
(−1)^{m_p m_q}·CZ·Z_p^{m_q}·Z_q^{m_p}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.types import DoubleArray, FloatArray

_LAYERS_AT_ONCE = 16
"""Number of layers whose diagonals are made together: their intermediate products stay in the cache."""


class Tables(NamedTuple):
    """A circuit as the kernel takes it.

    Attributes:
        diagonals: (layers, 2 · 2^wires), real and imaginary parts in turn.
        tangents: (layers, wires), between −1 and 1.
        signs: (layers + 1, wires), −1 where a wire is flipped before each layer, and at the end.
    """

    diagonals: FloatArray
    tangents: FloatArray
    signs: DoubleArray


def tabulate(weights: DoubleArray) -> Tables:
    """Make the tables of weights (layers, wires, 3) = (φ, θ, ω)."""
    cosines, sines = np.cos(weights[..., 1] / 2), np.sin(weights[..., 1] / 2)
    flips = np.abs(cosines) < np.abs(sines)
    frames = np.zeros((len(weights) + 1, weights.shape[1]), bool)
    np.logical_xor.accumulate(flips, axis=0, out=frames[1:])
    signs = np.where(frames, -1.0, 1.0)
    scales = np.where(flips, sines, cosines)
    tangents = np.where(flips, -cosines, sines) / scales * signs[1:]
    factors = _factors(weights, flips, frames, scales)
    diagonals = np.empty((len(weights), 2 ** weights.shape[1]), np.complex64)
    chain = _chain(weights.shape[1])
    for start in range(0, len(weights), _LAYERS_AT_ONCE):
        some = slice(start, start + _LAYERS_AT_ONCE)
        np.multiply(_products(factors[some]), chain, out=diagonals[some], casting="same_kind")
    diagonals[:1] = _products(factors[:1])  # no CZ comes before the first layer
    return Tables(diagonals.view(np.float32), tangents.astype(np.float32), signs)


def gradients(sums: DoubleArray, tables: Tables, uncomputed: Iterable[range]) -> DoubleArray:
    """Gradients of all angles, (layers, wires, 3).

    Args:
        sums: (layers, 2 · wires), the kernel's sums over generators.
        tables: the tables that the kernel worked with.
        uncomputed: the groups of wires in the order in which the kernel uncomputes them.
    """
    n_layers, n_wires = tables.tangents.shape
    squares = 1 + tables.tangents.astype(np.float64) ** 2
    norms, so_far = np.empty_like(squares), np.ones((n_layers, 1))
    for group in uncomputed:
        wires = slice(group.start, group.stop)
        norms[:, wires] = so_far
        so_far = so_far * squares[:, wires].prod(axis=1, keepdims=True)
    gradient = np.zeros((n_layers, n_wires, 3))
    gradient[..., 0] = 0.5 * sums[:, n_wires:] * tables.signs[:-1]
    gradient[..., 1] = 0.5 * sums[:, :n_wires] * tables.signs[1:] / norms
    gradient[:-1, :, 2] = gradient[1:, :, 0]
    return gradient


def _factors(
    weights: DoubleArray, flips: NDArray[np.bool], frames: NDArray[np.bool], scales: DoubleArray
) -> NDArray[np.complex128]:
    """Each wire's factors of the diagonals, except those of CZ, in its own frame: (layers, wires, 2)."""
    angles = weights[..., 0].copy()
    angles[1:] += weights[:-1, :, 2]
    signs, before = np.where(frames, -1.0, 1.0), frames[:-1]
    phase = -0.5j * angles * signs[:-1]
    zero, one = scales * np.exp(phase), scales * np.exp(-phase)
    zero *= np.where(flips, signs[:-1], 1)
    one *= np.where(flips, -signs[:-1], 1)
    one[:, 1:] *= signs[:-1, :-1]
    one[:, :-1] *= signs[:-1, 1:]
    both = (before[:, 1:] & before[:, :-1]).sum(axis=1) % 2
    zero[:, 0] *= 1 - 2 * both
    one[:, 0] *= 1 - 2 * both
    return np.stack([zero, one], axis=-1)


def _products(factors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Kronecker products over the wires, (layers, 2^wires), from those of either half of the wires."""
    n_layers, n_wires, _ = factors.shape
    if n_wires == 1:
        return factors[:, 0]
    high, low = _products(factors[:, : n_wires // 2]), _products(factors[:, n_wires // 2 :])
    return (high[:, :, None] * low[:, None]).reshape(n_layers, -1)


def _chain(n_wires: int) -> DoubleArray:
    """The diagonal of CZ on wires (0, 1), (1, 2), …: −1 where an odd number of neighbours are both 1."""
    k = np.arange(2**n_wires)
    return np.where(np.bitwise_count(k & (k >> 1)) % 2, -1.0, 1.0)
