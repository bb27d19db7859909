"""Emulated annealers: Ocean's mock of a QPU, with thermal samples of what was programmed, errors included.

Everything between the RBM and the chip is as for a QPU: the composites call a ``MockDWaveSampler`` with the
topology's qubits and couplers. Only the samples come from ``ThermalChip``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import dimod
import numpy as np
from dwave.samplers import PathIntegralAnnealingSampler, SimulatedAnnealingSampler
from dwave.system.testing import MockDWaveSampler
from numpy.typing import NDArray

from qaml.errors import PartError
from qaml.samplers.annealer.kernel import aligned, sample
from qaml.samplers.annealer.part import Backend, Hardware
from qaml.types import DoubleArray, IntArray

_HOTTEST = 0.05
"""Share of the final inverse temperature at which annealing starts."""
_SLACK = 1e-9
"""Relative rounding error by which a programmed value may exceed its range."""


class ThermalChip(dimod.Sampler):  # type: ignore[misc]
    """Samples at a fixed inverse temperature of a problem within ranges, programmed with errors.

    Args:
        hardware: ranges, errors and inverse temperature.
        backend: kind of moves: spins and whole chains, or spins alone as in Ocean's samplers.
        sweeps: number of sweeps of a read.
        seed: seed of errors and samples; every call draws anew.
    """

    parameters: Mapping[str, Any] = {"num_reads": []}
    properties: Mapping[str, Any] = {}

    def __init__(self, hardware: Hardware, backend: Backend, sweeps: int, seed: int) -> None:
        self.hardware = hardware
        self.backend = backend
        self.sweeps = sweeps
        self.seed = seed
        self.calls = 0
        self.chains: Mapping[Any, int] = {}
        """Qubit → the chain that it belongs to, for moves of whole chains."""

    def sample(self, bqm: dimod.BinaryQuadraticModel, num_reads: int = 1, **_: Any) -> dimod.SampleSet:
        """Samples of exp(−β(H + errors)), one row a read.

        Raises:
            PartError: a field or a coupling is outside the hardware's ranges.
        """
        spin = bqm.change_vartype(dimod.SPIN, inplace=False)
        fields, (rows, columns, couplings), _, labels = spin.to_numpy_vectors(return_labels=True)
        check_range("h", fields, self.hardware.h_range)
        check_range("J", couplings, self.hardware.j_range)
        rng = np.random.default_rng((self.seed, self.calls))
        self.calls += 1
        fields = fields + self.hardware.h_error * rng.standard_normal(len(fields))
        couplings = couplings + self.hardware.j_error * rng.standard_normal(len(couplings))
        seed = int(rng.integers(2**31))
        if self.backend == "whole_chain":
            betas = ramp(self.hardware.beta, self.sweeps)
            groups = self._groups(tuple(labels))
            spins = sample_thermally(fields, rows, columns, couplings, groups, betas, num_reads, seed)
        else:
            spins = self._by_ocean(fields, rows, columns, couplings, num_reads, seed)
        return dimod.SampleSet.from_samples_bqm((spins, list(labels)), bqm)

    def _groups(self, labels: tuple[Any, ...]) -> NDArray[np.int32]:
        """The number of each qubit's chain; a qubit without a chain is a group of its own."""
        numbers: dict[int, int] = {}
        keys = (self.chains.get(label, -1 - place) for place, label in enumerate(labels))
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int32)

    def _by_ocean(
        self,
        fields: DoubleArray,
        rows: IntArray,
        columns: IntArray,
        couplings: DoubleArray,
        reads: int,
        seed: int,
    ) -> NDArray[np.int8]:
        problem = dimod.BinaryQuadraticModel.from_numpy_vectors(fields, (rows, columns, couplings), 0.0, dimod.SPIN)
        if self.backend == "simulated_annealing":
            schedule = {"beta_schedule_type": "custom", "beta_schedule": ramp(self.hardware.beta, self.sweeps)}
            found = SimulatedAnnealingSampler().sample(problem, num_reads=reads, seed=seed, **schedule)
        else:
            half = np.linspace(0, 1, self.sweeps)
            schedule = {"Hp_field": self.hardware.beta * half, "Hd_field": self.hardware.beta * (1 - half)}
            found = PathIntegralAnnealingSampler().sample(
                problem, num_reads=reads, seed=seed, beta_schedule_type="custom", **schedule
            )
        return in_order(found, len(fields))


def in_order(found: dimod.SampleSet, n: int) -> NDArray[np.int8]:
    """The samples' variables 0 … n − 1 as columns, one row for each sample."""
    spins: NDArray[np.int8] = found.record.sample[:, [found.variables.index(variable) for variable in range(n)]]
    return spins


def check_range(name: str, values: DoubleArray, allowed: tuple[float, float]) -> None:
    """Refuse values that cannot be programmed.

    Raises:
        PartError: a value is out of range; the message names the value farthest outside.
    """
    low, high = allowed
    slack = _SLACK * max(abs(low), abs(high))
    if len(values) and not (values.min() >= low - slack and values.max() <= high + slack):
        worst = values.min() if low - values.min() > values.max() - high else values.max()
        raise PartError(
            f"{name} of {worst:.4g} is outside the annealer's range {low:g} to {high:g}",
            "scale the problem, or weaken the chains",
        )


def ramp(beta: float, sweeps: int) -> DoubleArray:
    """Inverse temperatures of the sweeps: rising for the first half, then held."""
    rising = sweeps // 2
    return np.concatenate((np.linspace(_HOTTEST, 1, rising, endpoint=False), np.ones(sweeps - rising))) * beta


def sample_thermally(
    fields: DoubleArray,
    rows: IntArray,
    columns: IntArray,
    couplings: DoubleArray,
    groups: NDArray[np.int32],
    betas: DoubleArray,
    reads: int,
    seed: int,
) -> NDArray[np.int8]:
    """Heat-bath samples (reads, n) of ±1 by moves of spins and of groups of them.

    For the first half of the sweeps groups stay in one piece, as the couplings inside favour: they are the spins of a
    smaller problem, annealed from random signs. Then spins move, too. The number of broken chains is thus that of the
    temperature, not that of a fast anneal.

    Args:
        fields: h, (n,).
        rows: the spin at one end of each coupling.
        columns: the spin at the other end.
        couplings: J of each coupling.
        groups: (n,) the group of each spin, 0 … groups − 1.
        betas: inverse temperature of each sweep.
        reads: number of independent samples.
        seed: seed of every draw.
    """
    half, n_groups = len(betas) // 2, int(groups.max(initial=-1)) + 1
    problem = _Neighbours.of(rows, columns, couplings, len(fields))
    members = np.argsort(groups, kind="stable").astype(np.int32)
    group_starts = np.searchsorted(groups[members], np.arange(n_groups + 1)).astype(np.int32)
    whole = aligned(*problem, group_starts, members, groups)
    across = groups[rows] != groups[columns]
    pairs = groups[rows[across]].astype(np.int64) * n_groups + groups[columns[across]]
    joined, which = np.unique(pairs, return_inverse=True)
    shared = np.bincount(which, (couplings * whole[rows] * whole[columns])[across], len(joined))
    smaller = _Neighbours.of(*np.divmod(joined, max(n_groups, 1)), shared.astype(np.float64), n_groups)
    alone = np.arange(n_groups + 1, dtype=np.int32)
    signs = np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (reads, n_groups))
    pushes = np.bincount(groups, fields * whole, n_groups)
    sample(pushes, *smaller, alone, alone[:-1], alone[:-1], betas[:half], seed, signs)
    spins: NDArray[np.int8] = signs[:, groups] * whole
    sample(fields.astype(np.float64), *problem, group_starts, members, groups, betas[half:], seed + 1, spins)
    return spins


class _Neighbours(NamedTuple):
    """Couplings spin by spin: those of spin i have the positions ``starts[i]`` … ``starts[i + 1] − 1``."""

    starts: NDArray[np.int32]
    others: NDArray[np.int32]
    couplings: DoubleArray

    @classmethod
    def of(cls, rows: IntArray, columns: IntArray, couplings: DoubleArray, n: int) -> _Neighbours:
        ends, others, both = np.concatenate((rows, columns)), np.concatenate((columns, rows)), np.tile(couplings, 2)
        order = np.argsort(ends, kind="stable")
        starts = np.searchsorted(ends[order], np.arange(n + 1)).astype(np.int32)
        return cls(starts, others[order].astype(np.int32), both[order].astype(np.float64))


def emulated(hardware: Hardware, chip: ThermalChip) -> MockDWaveSampler:
    """Ocean's mock of a QPU with the hardware's qubits; the chip draws its samples."""
    size = [hardware.size, hardware.size, 4] if hardware.topology == "chimera" else [hardware.size]
    if hardware.topology == "zephyr":
        size = [hardware.size, 4]
    return MockDWaveSampler(
        topology_type=hardware.topology,
        topology_shape=size,
        broken_nodes=list(hardware.broken_qubits) or None,
        substitute_sampler=chip,
        parameter_warnings=False,
    )
