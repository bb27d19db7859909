"""Block Gibbs sampling of many chains, fused into one loop and vectorised by the compiler (numba, one thread a call).

Random numbers come from Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011), a function of a key and a counter. The key is
the run's seed, the counter is (block of units, sweep, chain, step): a chain's path depends neither on the thread that
runs it nor on the other chains. Compiled code is cached beside this file; everything the kernels call stands here,
because numba notices changes of this file only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qaml.types import FloatArray

LANES = 16
"""Units are padded to a multiple of this, so that every inner loop has a constant length and no remainder."""
GROUP = 4
"""Hidden units whose weights are added up beforehand, for each of the PATTERNS of a group: a sweep then reads one
row a group, however many units are on."""
PATTERNS = 2**GROUP
_ROWS = 4
"""Rows added to the pre-activations at once: each pass reads and writes them once."""

# No reassociation among these: the order of additions, and so every result, is the one written here.
_FLAGS = {"contract", "nsz", "arcp"}

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_UNIFORM_BITS = np.uint32(8)
_UNIFORM_STEP, _UNIFORM_OFFSET = np.float32(2.0**-24), np.float32(2.0**-25)

_ONE = np.float32(1)
_MINUS_LOG2_E = np.float32(-1.4426950408889634)
_EXPONENT_LIMIT = np.float32(120)
# Adding 1.5·2^23 + 127 rounds to an integer and leaves it, with the bias of a float's exponent, in the lowest bits.
_ROUND = np.float32(12582912 + 127)
_MANTISSA = np.int32(23)
_C1, _C2, _C3 = np.float32(6.93147181e-1), np.float32(2.40226507e-1), np.float32(5.55041087e-2)
_C4, _C5, _C6 = np.float32(9.61812911e-3), np.float32(1.33335581e-3), np.float32(1.54035304e-4)


@njit(inline="always")  # type: ignore[untyped-decorator]
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Philox4x32-10: a counter and a key of 32-bit words (held in uint64) to four random words."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def random_words(words: NDArray[np.uint32], sweep: int, chain: int, step: int, key: NDArray[np.uint64]) -> None:
    """Fill (n,) words, n a multiple of 4·LANES, with the random numbers of one chain's sweep."""
    c1, c2, c3 = np.uint64(sweep), np.uint64(chain), np.uint64(step)
    for group in range(words.shape[0] // (4 * LANES)):
        out = words[4 * LANES * group : 4 * LANES * (group + 1)]
        for lane in range(LANES):
            w0, w1, w2, w3 = philox(np.uint64(LANES * group + lane), c1, c2, c3, key[0], key[1])
            out[lane] = np.uint32(w0)
            out[LANES + lane] = np.uint32(w1)
            out[2 * LANES + lane] = np.uint32(w2)
            out[3 * LANES + lane] = np.uint32(w3)


@njit(inline="always")  # type: ignore[untyped-decorator]
def _exp2(x: np.float32) -> np.float32:
    """2^x in float32, relative error below 2e-7, clamped to |x| ≤ 120; arithmetic only, so it vectorises."""
    x = min(max(x, -_EXPONENT_LIMIT), _EXPONENT_LIMIT)
    shifted = x + _ROUND
    power = np.int32(np.float32(shifted).view(np.int32) << _MANTISSA).view(np.float32)
    f = x - (shifted - _ROUND)
    return power * (_ONE + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * (_C5 + f * _C6))))))


@njit(inline="always")  # type: ignore[untyped-decorator]
def _list_active(units: NDArray[np.uint8], rows: NDArray[np.uint32], zero_row: int) -> int:
    """Write the indices of the units that are on, and zero rows up to a multiple of _ROWS; return how many."""
    n = 0
    for i in range(units.shape[0]):
        rows[n] = i
        n += units[i]
    for extra in range(_ROWS):
        rows[n + extra] = zero_row
    return n


@njit(inline="always")  # type: ignore[untyped-decorator]
def _list_patterns(units: NDArray[np.uint8], rows: NDArray[np.uint32], n_groups: int) -> int:
    """Write the table row of each group's pattern, and zero rows up to a multiple of _ROWS; return how many groups."""
    for g in range(n_groups):
        first = GROUP * g
        pattern = units[first] + 2 * units[first + 1] + 4 * units[first + 2] + 8 * units[first + 3]
        rows[g] = PATTERNS * g + pattern
    for extra in range(_ROWS):
        rows[n_groups + extra] = 0  # no unit of the first group is on
    return n_groups


@njit(inline="always")  # type: ignore[untyped-decorator]
def _add_rows(bias: FloatArray, weights: FloatArray, rows: NDArray[np.uint32], n: int, out: FloatArray) -> None:
    """Bias + the sum of the first n listed rows, in a fixed order."""
    width = out.shape[0]
    for j in range(width):
        out[j] = bias[j]
    for r in range(0, n, _ROWS):
        w0, w1, w2, w3 = weights[rows[r]], weights[rows[r + 1]], weights[rows[r + 2]], weights[rows[r + 3]]
        for j in range(width):
            out[j] += (w0[j] + w1[j]) + (w2[j] + w3[j])


@njit(inline="always")  # type: ignore[untyped-decorator]
def _draw_units(activation: FloatArray, beta: np.float32, words: NDArray[np.uint32], units: NDArray[np.uint8]) -> None:
    """Unit i is on if u < 1/(1 + exp(−βx)), written without a division; u in (0, 1) from 24 random bits."""
    scale = beta * _MINUS_LOG2_E
    for i in range(units.shape[0]):
        u = np.float32(np.int32(words[i] >> _UNIFORM_BITS)) * _UNIFORM_STEP + _UNIFORM_OFFSET
        units[i] = u + u * _exp2(scale * activation[i]) < _ONE


@njit(cache=True, nogil=True, fastmath=_FLAGS)  # type: ignore[untyped-decorator]
def advance(
    visible: NDArray[np.uint8],
    weights: FloatArray,
    table: FloatArray,
    visible_bias: FloatArray,
    hidden_bias: FloatArray,
    betas: FloatArray,
    key: NDArray[np.uint64],
    step: int,
    sweeps: int,
    first: int,
    last: int,
) -> None:
    """Advance the chains first … last − 1 by block Gibbs sweeps, hidden units given visible and back, in place.

    Args:
        visible: (chains, n_visible) 0 or 1.
        weights: (n_visible + 1, hidden width), the last row zero; widths are padded to LANES.
        table: (groups · PATTERNS, visible width), what ``tabulate`` wrote.
        visible_bias: (visible width,).
        hidden_bias: (hidden width,).
        betas: (chains,) inverse temperatures.
        key: (2,) the seed's words.
        step: which call of the run this is.
        sweeps: how many.
        first: first chain.
        last: one past the last chain.
    """
    n_visible, n_groups = weights.shape[0] - 1, table.shape[0] // PATTERNS
    hidden_width, visible_width = weights.shape[1], table.shape[1]
    hidden = np.empty(hidden_width, np.uint8)
    activation_h = np.empty(hidden_width, np.float32)
    activation_v = np.empty(visible_width, np.float32)
    rows = np.empty(max(n_visible, n_groups) + _ROWS, np.uint32)
    block = 4 * LANES
    words = np.empty((hidden_width + visible_width + block - 1) // block * block, np.uint32)
    for chain in range(first, last):
        units = visible[chain]
        for sweep in range(sweeps):
            random_words(words, sweep, chain, step, key)
            n = _list_active(units, rows, n_visible)
            _add_rows(hidden_bias, weights, rows, n, activation_h)
            _draw_units(activation_h, betas[chain], words, hidden)
            n = _list_patterns(hidden, rows, n_groups)
            _add_rows(visible_bias, table, rows, n, activation_v)
            _draw_units(activation_v, betas[chain], words[hidden_width:], units)


@njit(cache=True, nogil=True, fastmath=_FLAGS)  # type: ignore[untyped-decorator]
def tabulate(weights: FloatArray, table: FloatArray) -> None:
    """Write the sums of weights of every pattern of every group of hidden units.

    Args:
        weights: (n_visible, n_hidden).
        table: (groups · PATTERNS, visible width); row PATTERNS·g + p belongs to the units of group g that are p's bits.
            Zero at first; the padding stays so.
    """
    n_visible, n_hidden = weights.shape
    for start in range(0, n_visible, LANES):  # a transposition in blocks that stay in cache
        for j in range(n_hidden):
            row = table[PATTERNS * (j // GROUP) + (1 << (j % GROUP))]
            for i in range(start, min(start + LANES, n_visible)):
                row[i] = weights[i, j]
    for first in range(0, table.shape[0], PATTERNS):
        for unit in range(1, GROUP):
            top = 1 << unit
            for rest in range(1, top):
                total, with_unit, others = table[first + top + rest], table[first + top], table[first + rest]
                for i in range(table.shape[1]):
                    total[i] = with_unit[i] + others[i]
