"""Emulated chips: thermal samples of what was programmed, ranges, and errors that gauges average out."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from dwave.preprocessing import SpinReversalTransformComposite
from numpy.typing import NDArray

from qaml.errors import PartError
from qaml.samplers.annealer.emulator import ThermalChip, in_order, ramp, sample_thermally
from qaml.samplers.annealer.ising import Ising, to_ising
from qaml.samplers.annealer.kernel import aligned
from qaml.samplers.annealer.part import Backend, Hardware
from qaml.samplers.annealer.temperature import effective_beta
from tests.samplers.machines import small_machine, states

READS = 20_000
EXACT = Hardware(h_error=0, j_error=0, beta=1, h_range=(-9, 9), j_range=(-9, 9))


def distribution(ising: Ising) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every state as spins, (states, n + m), and its probability at β = 1."""
    spins = 2 * states(len(ising.visible_fields) + len(ising.hidden_fields)) - 1
    energies = ising.energies(spins[:, : len(ising.visible_fields)], spins[:, len(ising.visible_fields) :])
    weights = np.exp(energies.min() - energies)
    return spins, weights / weights.sum()


def model_of(ising: Ising) -> dimod.BinaryQuadraticModel:
    return dimod.BinaryQuadraticModel.from_ising(ising.linear, ising.quadratic)


@pytest.mark.parametrize("backend", ["whole_chain", "simulated_annealing"])
@pytest.mark.parametrize(("n_visible", "n_hidden"), [(2, 2), (4, 3), (6, 4)])
def test_logical_samples_are_boltzmanns(backend: Backend, n_visible: int, n_hidden: int) -> None:
    ising = to_ising(small_machine(n_visible, n_hidden, seed=n_visible))
    n = n_visible + n_hidden
    chip = ThermalChip(EXACT, backend, 60, seed=1)
    every, chances = distribution(ising)
    rng = np.random.default_rng(0)
    floor = np.mean([np.abs(rng.multinomial(READS, chances) / READS - chances).sum() / 2 for _ in range(50)])
    distances = []
    for _ in range(5):  # on few states one distance alone is off by a quarter
        spins = in_order(chip.sample(model_of(ising), num_reads=READS), n)
        codes = (spins > 0) @ (2 ** np.arange(n - 1, -1, -1))
        assert np.array_equal(every[codes[:50]], spins[:50])
        distances.append(np.abs(np.bincount(codes, minlength=len(chances)) / READS - chances).sum() / 2)
    assert np.mean(distances) <= 1.2 * floor
    first, second = chances @ every, every.T @ (every * chances[:, None])
    errors = np.sqrt((1 - first**2) / READS), np.sqrt((1 - second**2).clip(0) / READS) + 1e-9
    assert (np.abs(spins.mean(0) - first) <= 4 * errors[0]).all()
    assert (np.abs(spins.T.astype(float) @ spins / READS - second) <= 4 * errors[1]).all()


def test_groups_change_nothing_but_the_speed() -> None:
    """Groups of coupled spins, of spins that are not, and of one: always the Boltzmann distribution."""
    fields = np.array([0.3, -0.2, 0.1, 0.4])
    rows, columns, couplings = np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([-2.0, 0.4, 1.9])
    every = 2 * states(4) - 1
    energies = every @ fields + (every[:, rows] * every[:, columns]) @ couplings
    chances = np.exp(-energies) / np.exp(-energies).sum()
    for number, groups in enumerate(([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0], [0, 1, 2, 3])):
        together = np.array(groups, np.int32)
        spins = sample_thermally(fields, rows, columns, couplings, together, ramp(1.0, 120), READS, seed=2 + number)
        found = np.bincount((spins > 0) @ (2 ** np.arange(3, -1, -1)), minlength=16) / READS
        assert np.abs(found - chances).sum() / 2 < 0.02


def test_groups_start_as_the_couplings_inside_would_have_it() -> None:
    """Two chains, one of them in a gauge that turns its middle, and a pair that nothing couples."""
    starts = np.array([0, 1, 3, 4, 4, 4], np.int32)
    neighbours, couplings = np.array([1, 0, 2, 1], np.int32), np.array([-1.0, -1.0, 1.0, 1.0])
    groups, members = np.array([0, 0, 0, 1, 1], np.int32), np.arange(5, dtype=np.int32)
    spins = aligned(starts, neighbours, couplings, np.array([0, 3, 5], np.int32), members, groups)
    assert spins.tolist() == [1, 1, -1, 1, 1]


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_temperature_is_found_again(beta: float) -> None:
    ising = to_ising(small_machine(6, 4))
    chip = ThermalChip(EXACT.model_copy(update={"beta": beta}), "whole_chain", 60, seed=1)
    spins = in_order(chip.sample(model_of(ising), num_reads=5000), 10)
    assert effective_beta(ising, spins[:, :6], spins[:, 6:]) == pytest.approx(beta, rel=0.05)


def test_samples_without_an_excitation_are_as_cold_as_can_be() -> None:
    ising = Ising(np.array([-1.0]), np.array([-1.0]), np.array([[-1.0]]), 0.0)
    up = np.ones((10, 1), np.int8)
    assert effective_beta(ising, up, up) == 1000


@pytest.mark.parametrize(("h", "j", "message"), [(3.0, 0.5, "h of 3 is outside"), (0.5, 1.5, "J of 1.5 is outside")])
def test_what_cannot_be_programmed_is_refused(h: float, j: float, message: str) -> None:
    chip = ThermalChip(Hardware(), "whole_chain", 10, seed=0)
    with pytest.raises(PartError, match=message):
        chip.sample(dimod.BinaryQuadraticModel.from_ising({0: h}, {(0, 1): j}))


def test_each_programming_has_errors_of_its_own_and_a_seed_repeats_them() -> None:
    model = model_of(to_ising(small_machine(3, 2)))
    first, second = (ThermalChip(Hardware(beta=1), "whole_chain", 10, seed=4) for _ in range(2))
    runs = [first.sample(model, num_reads=20).record.sample for _ in range(2)]
    assert not np.array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], second.sample(model, num_reads=20).record.sample)


def test_gauges_average_errors_out() -> None:
    """A field's error tilts every read of a programming; with many gauges it has either sign."""
    hardware = EXACT.model_copy(update={"h_error": 0.5})
    model = dimod.BinaryQuadraticModel.from_ising(dict.fromkeys(range(20), 0.0), {})
    tilts = {}
    for gauges in (1, 40):
        chip = SpinReversalTransformComposite(ThermalChip(hardware, "whole_chain", 5, seed=3), seed=3)
        found = chip.sample(model, num_reads=4000 // gauges, num_spin_reversal_transforms=gauges)
        tilts[gauges] = float(np.abs(in_order(found, 20).mean(0)).mean())
    assert tilts[40] < 0.4 * tilts[1]
