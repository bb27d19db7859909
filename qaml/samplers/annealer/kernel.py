"""Thermal sampling of sparse Ising problems by single spins and whole groups of spins (numba).

A move of one spin can hardly turn a chain of strongly coupled ones. A group is turned as a whole: every spin of it
changes sign, which leaves the couplings inside as they are. Both are heat-bath moves, so any choice of groups leaves
exp(−βH) as it is; groups only decide how fast it is reached.

Every read has its own random stream (SplitMix64; Steele, Lea & Flood 2014), a function of the seed and the read.
Compiled code is cached beside this file, and everything that the kernel calls is defined here.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from qaml.compiled import compiled

_STEP = np.uint64(0x9E3779B97F4A7C15)
_CLEAR, _CHANCE = 8.0, 3.4e-4
"""An energy, and an upper limit of the probability of a turn that costs this energy."""


@compiled(nogil=True)
def _word(state: int) -> int:
    """SplitMix64's output function."""
    z = uint64(state)
    z = uint64((z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9))
    z = uint64((z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB))
    word: int = uint64(z ^ (z >> uint64(31)))
    return word


@compiled(nogil=True)
def _turns(energy: float, word: int) -> bool:
    """Whether the heat bath makes a turn of this energy (in units of 1/β): with probability 1/(1 + e^energy)."""
    uniform = float(word >> uint64(11)) * (1.0 / 9007199254740992.0)
    if energy > _CLEAR and uniform > _CHANCE:  # most spins of most chains
        return False
    return bool(uniform * (1.0 + math.exp(min(energy, 700.0))) < 1.0)


@compiled(nogil=True)
def _measure(
    own: NDArray[np.int8],
    fields: NDArray[np.float64],
    starts: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    couplings: NDArray[np.float64],
    group_of: NDArray[np.int32],
    outside: NDArray[np.float64],
    inside: NDArray[np.float64],
) -> None:
    """The local field on each spin from outside its group, the external field included, and from inside."""
    for i in range(len(own)):
        outside[i], inside[i] = fields[i], 0.0
        for edge in range(starts[i], starts[i + 1]):
            j = neighbours[edge]
            if group_of[j] == group_of[i]:
                inside[i] += couplings[edge] * own[j]
            else:
                outside[i] += couplings[edge] * own[j]


@compiled(nogil=True)
def _turn_groups(
    own: NDArray[np.int8],
    starts: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    couplings: NDArray[np.float64],
    group_starts: NDArray[np.int32],
    members: NDArray[np.int32],
    group_of: NDArray[np.int32],
    outside: NDArray[np.float64],
    inside: NDArray[np.float64],
    beta: float,
    state: int,
) -> int:
    """Sweep over the groups once; return the random stream's next state."""
    for group in range(len(group_starts) - 1):
        change = 0.0
        for k in range(group_starts[group], group_starts[group + 1]):
            change -= 2.0 * own[members[k]] * outside[members[k]]
        state = uint64(state + _STEP)
        if _turns(beta * change, _word(state)):
            for k in range(group_starts[group], group_starts[group + 1]):
                i = members[k]
                own[i], inside[i] = -own[i], -inside[i]
                for edge in range(starts[i], starts[i + 1]):
                    if group_of[neighbours[edge]] != group:
                        outside[neighbours[edge]] += 2.0 * couplings[edge] * own[i]
    return state


@compiled(nogil=True)
def _turn_spins(
    own: NDArray[np.int8],
    starts: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    couplings: NDArray[np.float64],
    group_of: NDArray[np.int32],
    outside: NDArray[np.float64],
    inside: NDArray[np.float64],
    beta: float,
    state: int,
) -> int:
    """Sweep over the spins once; return the random stream's next state."""
    for i in range(len(own)):
        state = uint64(state + _STEP)
        if _turns(-2.0 * beta * own[i] * (outside[i] + inside[i]), _word(state)):
            own[i] = -own[i]
            for edge in range(starts[i], starts[i + 1]):
                j = neighbours[edge]
                if group_of[j] == group_of[i]:
                    inside[j] += 2.0 * couplings[edge] * own[i]
                else:
                    outside[j] += 2.0 * couplings[edge] * own[i]
    return state


@compiled(nogil=True)
def aligned(
    starts: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    couplings: NDArray[np.float64],
    group_starts: NDArray[np.int32],
    members: NDArray[np.int32],
    group_of: NDArray[np.int32],
) -> NDArray[np.int8]:
    """Spins (n,) of ±1 that satisfy a tree of couplings inside each group, from its first member on."""
    spins = np.zeros(len(group_of), np.int8)
    queue = np.empty(len(group_of), np.int32)
    for group in range(len(group_starts) - 1):
        for k in range(group_starts[group], group_starts[group + 1]):  # unreached members start trees of their own
            if spins[members[k]] != 0:
                continue
            spins[members[k]] = 1
            queue[0], first, last = members[k], 0, 1
            while first < last:
                i = queue[first]
                first += 1
                for edge in range(starts[i], starts[i + 1]):
                    j = neighbours[edge]
                    if group_of[j] == group and spins[j] == 0:
                        spins[j] = -spins[i] if couplings[edge] > 0 else spins[i]
                        queue[last] = j
                        last += 1
    return spins


@compiled(nogil=True)
def sample(
    fields: NDArray[np.float64],
    starts: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    couplings: NDArray[np.float64],
    group_starts: NDArray[np.int32],
    members: NDArray[np.int32],
    group_of: NDArray[np.int32],
    betas: NDArray[np.float64],
    seed: int,
    spins: NDArray[np.int8],
) -> None:
    """Anneal every read along the inverse temperatures, in place.

    Args:
        fields: h, (n,).
        starts: (n + 1,) where the neighbours of each spin begin in the next two.
        neighbours: the neighbours of every spin, one after the other.
        couplings: J beside each neighbour.
        group_starts: (groups + 1,) where the members of each group begin.
        members: the members of every group, one after the other; each spin is in one group.
        group_of: (n,) the group of each spin.
        betas: an inverse temperature for each sweep over the groups; every other one is followed by one over the spins,
            if there are groups of several, and so is the last.
        seed: seed of every draw.
        spins: (reads, n) of ±1, where each read starts.
    """
    last, outside, inside = len(betas) - 1, np.empty(len(fields)), np.empty(len(fields))
    are_groups = len(group_starts) - 1 < len(fields)
    for read in range(len(spins)):
        state = _word(uint64(seed) ^ _word(uint64(read) + _STEP))
        own = spins[read]
        _measure(own, fields, starts, neighbours, couplings, group_of, outside, inside)
        for sweep in range(len(betas)):
            state = _turn_groups(
                own,
                starts,
                neighbours,
                couplings,
                group_starts,
                members,
                group_of,
                outside,
                inside,
                betas[sweep],
                state,
            )
            if are_groups and (sweep % 2 == 1 or sweep == last):
                state = _turn_spins(own, starts, neighbours, couplings, group_of, outside, inside, betas[sweep], state)
