"""Observables as coefficients of Pauli strings, turned backwards through a circuit (numba, one thread a call).

A string is P(x, z) = i^|x∧z| XˣZᶻ, x and z bit masks over the wires with wire 0 the highest bit: on a wire 1, Z, X or
Y for the bits (x, z) = 00, 01, 10, 11. An observable O = Σ o[x, z] P(x, z) has real coefficients, and what acts on one
wire, gate or channel, mixes four of them by a real 4 × 4 matrix: no complex number and no density matrix occurs.

The CZ chain C permutes the strings up to signs, since X on a wire brings a Z on its neighbours:
C P(x, z) C = (−1)^(t + |x∧m∧z|) P(x, z ⊕ m), m = (x ≪ 1) ⊕ (x ≫ 1), t the number of three X or Y in a row.

**Order.** A pass takes a group of neighbouring wires. A block holds the strings that differ on these wires only; it is
copied to a buffer that stays in the second-level cache, turned there wire by wire, and copied back. Blocks depend on no
other one, so results do not depend on how threads share them. Observables are innermost and go through together, and
with them neighbouring blocks: what is innermost is a vector, and runs of a cache line or less cost three times as much.

Compiled code is cached beside this file, and everything that kernels call is defined here, because numba notices
changes of this file only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qaml.compiled import compiled

Floats = NDArray[np.float64]

# a·b + c may become one operation; a different order of sums may not
_FAST = {"contract", "nsz"}


@compiled(nogil=True, fastmath=_FAST)
def turn_behind_chain(source: Floats, target: Floats, transfers: Floats, signs: Floats, first: int, last: int) -> None:
    """Take some blocks through the CZ chain of all wires, and turn the last wires of all.

    Args:
        source: coefficients (2**n, 2**n, n_observables).
        target: array of the same shape in other memory.
        transfers: (width, 4, 4) in the order 1, Z, X, Y, column j what P_j of a wire becomes, its first (1, 0, 0, 0).
        signs: (2**n,) the parities (−1)^|v|.
        first: block to begin with.
        last: block to stop before, at most 4**(n − width).
    """
    width, n_observables = len(transfers), source.shape[2]
    n_outer = len(signs) >> width
    block = np.empty(n_observables << (2 * width), np.float64)
    run = n_observables << width
    for outer in range(first, last):
        x, z = outer // n_outer << width, outer % n_outer << width
        for i in range(1 << width):
            _through_chain(source, x | i, z, signs, block[i * run : (i + 1) * run])
        _turn(block, transfers, n_observables)
        for i in range(1 << width):
            _copy(block[i * run : (i + 1) * run], target[x | i, z : z + (1 << width)].reshape(run))


@compiled(nogil=True, fastmath=_FAST)
def turn_in_place(strings: Floats, transfers: Floats, shift: int, together: int, first: int, last: int) -> None:
    """Turn some blocks of a group of neighbouring wires.

    Args:
        strings: coefficients (2**n, 2**n, n_observables).
        transfers: (width, 4, 4), as in ``turn_behind_chain``.
        shift: number of wires behind the group.
        together: binary logarithm, at most the shift, of neighbouring blocks that go together: longer runs of memory.
        first: set of blocks to begin with.
        last: set of blocks to stop before, at most 4**(n − width) / 2**together.
    """
    width, n_strings = len(transfers), len(strings)
    rows = strings.reshape(n_strings, strings.size // n_strings)
    run = strings.shape[2] << together
    step = strings.shape[2] << shift
    n_outer = n_strings >> (width + together)
    block = np.empty(run << (2 * width), np.float64)
    for outer in range(first, last):
        x = _spread(outer // n_outer, width, shift)
        start = _spread(outer % n_outer << together, width, shift) * strings.shape[2]
        for i in range(1 << (2 * width)):
            at = start + (i & ((1 << width) - 1)) * step
            _copy(rows[x | (i >> width) << shift, at : at + run], block[i * run : (i + 1) * run])
        _turn(block, transfers, run)
        for i in range(1 << (2 * width)):
            at = start + (i & ((1 << width) - 1)) * step
            _copy(block[i * run : (i + 1) * run], rows[x | (i >> width) << shift, at : at + run])


@compiled(nogil=True, fastmath=_FAST)
def real_parts(coefficients: Floats, signs: Floats, target: Floats, first: int, last: int) -> None:
    """Entries (r, r ⊕ x) of Re(O_k) for some x: Σ_z o[x, z] (−1)^(|x∧z|/2 + z·r) over z with an even number of Y.

    Args:
        coefficients: (2**n, 2**n, n_observables).
        signs: (2**n,) the parities (−1)^|v|.
        target: (n_observables, d, d), d ≤ 2**n.
        first: x to begin with.
        last: x to stop before.
    """
    n_strings, _, n_observables = coefficients.shape
    n_columns = target.shape[1]
    row = np.empty(n_strings * n_observables, np.float64)
    for x in range(first, last):
        _take_real(coefficients[x], row, signs, x)
        step = n_observables
        while step < row.size:
            _hadamard(row, step)
            step *= 2
        for r in range(n_columns):
            # both halves from one number, so that the matrix is symmetric to the last bit
            if r <= r ^ x < n_columns:
                for k in range(n_observables):
                    target[k, r, r ^ x] = target[k, r ^ x, r] = row[r * n_observables + k]


@compiled(nogil=True, fastmath=_FAST)
def _spread(outer: int, width: int, shift: int) -> int:
    """The bits of ``outer`` with a gap of ``width`` zeros before the last ``shift`` of them."""
    behind = (1 << shift) - 1
    return (outer & ~behind) << width | outer & behind


@compiled(nogil=True, fastmath=_FAST)
def _copy(source: Floats, target: Floats) -> None:
    for i in range(len(target)):
        target[i] = source[i]


@compiled(nogil=True, fastmath=_FAST)
def _through_chain(source: Floats, x: int, z: int, signs: Floats, target: Floats) -> None:
    """The chain's images of strings (x, z), (x, z + 1), …: a power of two of them, as many as fit in the target."""
    n_observables = source.shape[2]
    row = source[x].reshape(source.size // len(source))
    n_strings = len(target) // n_observables
    neighbours = ((x << 1) ^ (x >> 1)) & (len(signs) - 1)
    behind = neighbours & (n_strings - 1)
    start = (z ^ neighbours) - (z ^ neighbours) % n_strings
    sign = signs[x & (x >> 1) & (x >> 2)] * signs[x & neighbours & start]
    flips = x & behind
    # in the order of the source, and with indices that are plain sums: this loop is as long as turning four wires
    for i in range(n_strings):
        factor = sign * signs[flips & i]
        origin, to = (start + i) * n_observables, (i ^ behind) * n_observables
        for k in range(n_observables):
            target[to + k] = factor * row[origin + k]


@compiled(nogil=True, fastmath=_FAST)
def _turn(block: Floats, transfers: Floats, run: int) -> None:
    """Turn every wire of a block; ``run`` coefficients each have the same string on these wires."""
    width = len(transfers)
    for wire in range(width):
        step = run << (width - 1 - wire)
        _turn_wire(block, transfers[wire], step, step << width)


@compiled(nogil=True, fastmath=_FAST)
def _turn_wire(block: Floats, transfer: Floats, step: int, x_step: int) -> None:
    """Mix the coefficients of 1, Z, X and Y on one wire; ``step`` is the offset from 1 to Z, ``x_step`` from 1 to X."""
    r01, r02, r03 = transfer[0, 1], transfer[0, 2], transfer[0, 3]
    r11, r12, r13 = transfer[1, 1], transfer[1, 2], transfer[1, 3]
    r21, r22, r23 = transfer[2, 1], transfer[2, 2], transfer[2, 3]
    r31, r32, r33 = transfer[3, 1], transfer[3, 2], transfer[3, 3]
    is_unital = r01 == 0 and r02 == 0 and r03 == 0
    for outer in range(0, block.size, 2 * x_step):
        for start in range(outer, outer + x_step, 2 * step):
            ones, zs = block[start : start + step], block[start + step : start + 2 * step]
            xs = block[start + x_step : start + x_step + step]
            ys = block[start + x_step + step : start + x_step + 2 * step]
            if not is_unital:  # or else a quarter of the memory need not be touched
                for i in range(step):
                    ones[i] += r01 * zs[i] + r02 * xs[i] + r03 * ys[i]
            for i in range(step):
                z, x, y = zs[i], xs[i], ys[i]
                zs[i] = r11 * z + r12 * x + r13 * y
                xs[i] = r21 * z + r22 * x + r23 * y
                ys[i] = r31 * z + r32 * x + r33 * y


@compiled(nogil=True, fastmath=_FAST)
def _take_real(coefficients: Floats, row: Floats, signs: Floats, x: int) -> None:
    """The coefficients of strings that are real matrices, with the sign that i^|x∧z| is."""
    n_strings, n_observables = coefficients.shape
    for z in range(n_strings):
        sign = 0.0
        if signs[x & z] > 0:
            n_y, rest = 0, x & z
            while rest:
                n_y, rest = n_y + 1, rest & (rest - 1)
            sign = 1.0 - n_y % 4
        for k in range(n_observables):
            row[z * n_observables + k] = sign * coefficients[z, k]


@compiled(nogil=True, fastmath=_FAST)
def _hadamard(row: Floats, step: int) -> None:
    """One stage of the Walsh–Hadamard transform over z, in place."""
    for start in range(0, row.size, 2 * step):
        low, high = row[start : start + step], row[start + step : start + 2 * step]
        for i in range(step):
            a, b = low[i], high[i]
            low[i], high[i] = a + b, a - b
