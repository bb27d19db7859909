"""Thermal sampling of sparse Ising problems by single spins and whole groups of spins (numba).

A move of one spin can hardly turn a chain of strongly coupled ones. A group is turned as a whole: every spin of it
changes sign, which leaves the couplings inside as they are. Both are heat-bath moves, so any choice of groups leaves
exp(−βH) as it is; groups only decide how fast it is reached.

Every read has its own random stream (SplitMix64; Steele, Lea & Flood 2014), a function of the seed and the read.
Compiled code is cached beside this file, and everything that the kernel calls stands here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit, uint64

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _word(state: int) -> int:
    """SplitMix64's output function."""
    z = uint64(state)
    z = uint64((z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9))
    z = uint64((z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB))
    return uint64(z ^ (z >> uint64(31)))  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _turns(energy: float, word: int) -> bool:
    """Whether the heat bath turns what would cost this much (in units of 1/β): with probability 1/(1 + e^energy)."""
    uniform = float(word >> uint64(11)) * (1.0 / 9007199254740992.0)
    return bool(uniform * (1.0 + math.exp(min(energy, 700.0))) < 1.0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _turn_groups(
    own: NDArray[np.int8],
    fields: NDArray[np.float64],
    starts: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    couplings: NDArray[np.float64],
    group_starts: NDArray[np.int32],
    members: NDArray[np.int32],
    group_of: NDArray[np.int32],
    beta: float,
    state: int,
) -> int:
    """One sweep over the groups; the random stream's next state."""
    for group in range(len(group_starts) - 1):
        change = 0.0
        for k in range(group_starts[group], group_starts[group + 1]):
            i = members[k]
            outside = fields[i]
            for edge in range(starts[i], starts[i + 1]):
                if group_of[neighbours[edge]] != group:
                    outside += couplings[edge] * own[neighbours[edge]]
            change -= 2.0 * own[i] * outside
        state = uint64(state + _STEP)
        if _turns(beta * change, _word(state)):
            for k in range(group_starts[group], group_starts[group + 1]):
                own[members[k]] = -own[members[k]]
    return state


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sample(
    fields: NDArray[np.float64],
    starts: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    couplings: NDArray[np.float64],
    group_starts: NDArray[np.int32],
    members: NDArray[np.int32],
    group_of: NDArray[np.int32],
    betas: NDArray[np.float64],
    single_every: int,
    seed: int,
    spins: NDArray[np.int8],
) -> None:
    """Anneal every read along the inverse temperatures, in place; reads start at uniformly random spins.

    Args:
        fields: h, (n,).
        starts: (n + 1,) where the neighbours of each spin begin in the next two.
        neighbours: of every spin, one after the other.
        couplings: J beside each neighbour.
        group_starts: (groups + 1,) where the members of each group begin.
        members: of every group, one after the other; each spin is in one group.
        group_of: (n,) the group of each spin.
        betas: an inverse temperature for each sweep over the groups.
        single_every: sweeps over the groups from one sweep over the spins to the next; the last has one in any case.
        seed: of every draw.
        spins: (reads, n) of ±1.
    """
    last, each = len(betas) - 1, np.arange(len(fields) + 1).astype(np.int32)  # every spin a group of its own
    for read in range(len(spins)):
        state = _word(uint64(seed) ^ _word(uint64(read) + _STEP))
        own = spins[read]
        for i in range(len(own)):
            state = uint64(state + _STEP)
            own[i] = 1 if _word(state) >> uint64(63) else -1
        for sweep in range(len(betas)):
            state = _turn_groups(
                own, fields, starts, neighbours, couplings, group_starts, members, group_of, betas[sweep], state
            )
            if sweep % single_every == single_every - 1 or sweep == last:
                state = _turn_groups(
                    own, fields, starts, neighbours, couplings, each, each[:-1], each[:-1], betas[sweep], state
                )
