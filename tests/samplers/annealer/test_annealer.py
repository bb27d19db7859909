"""The annealer as a negative phase: right moments at the tracked temperature, budgets, recordings, resuming."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from qaml.errors import PartError
from qaml.samplers.annealer.ising import to_ising
from qaml.samplers.annealer.part import Annealer, Hardware, Recording, Temperature
from qaml.samplers.annealer.phase import AnnealerPhase
from qaml.samplers.annealer.tape import Tape
from qaml.samplers.base import BoltzmannParameters
from qaml.samplers.exact.enumeration import enumerate_machine
from qaml.testing.samplers import check_sampler
from tests.samplers.annealer.test_emulator import distribution
from tests.samplers.machines import small_machine

SMALL = Hardware(size=3)
QUIET = Hardware(size=3, h_error=0, j_error=0)
WARM = QUIET.model_copy(update={"beta": 3.0})
"""Where moves of single qubits still turn a chain now and then."""
BATCH = np.zeros((1, 1), np.float32)


def phase(n_visible: int = 5, n_hidden: int = 4, seed: int = 1, **fields: Any) -> AnnealerPhase:
    return AnnealerPhase(Annealer(**{"hardware": SMALL, "reads": 500, **fields}), n_visible, n_hidden, seed)


def settled(sampler: AnnealerPhase, machine: BoltzmannParameters[Any], calls: int = 15) -> AnnealerPhase:
    for _ in range(calls):
        sampler.moments(machine, BATCH)
    return sampler


@pytest.mark.parametrize("fields", [{}, {"embedding": "none"}, {"gibbs": 2}, {"spin_reversals": 0, "reads": 100}])
def test_the_annealer_keeps_a_samplers_promises(fields: dict[str, Any]) -> None:
    check_sampler(Annealer(**{"hardware": SMALL, "reads": 50, "sweeps": 20, **fields}))


@pytest.mark.parametrize("backend", ["whole_chain", "simulated_annealing"])
def test_embedded_samples_are_close_to_boltzmanns_once_the_temperature_is_tracked(backend: Any) -> None:
    machine = small_machine(6, 4, scale=0.5)
    hardware = QUIET if backend == "whole_chain" else WARM
    temperature = Temperature(beta=hardware.beta)
    sampler = settled(phase(6, 4, hardware=hardware, reads=1000, backend=backend, temperature=temperature), machine)
    ising = to_ising(machine)
    answers = [sampler.call(ising).answer for _ in range(20)]
    spins = np.concatenate([np.concatenate((a.visible, a.hidden), axis=1) for a in answers])
    every, chances = distribution(ising)
    codes = (spins > 0) @ (2 ** np.arange(9, -1, -1))
    assert np.array_equal(every[codes[:20]], spins[:20])
    shares = np.bincount(codes, minlength=len(chances)) / len(codes)
    seen = shares > 0
    divergence = float((shares[seen] * np.log(shares[seen] / chances[seen])).sum())
    assert divergence <= 0.05 + len(chances) / (2 * len(codes))  # the estimate's own bias


def test_moments_are_those_of_the_machine() -> None:
    machine = small_machine(6, 4, scale=0.5)
    sampler = settled(phase(6, 4, hardware=QUIET, reads=1000), machine)
    exact = enumerate_machine(machine).moments
    found = [sampler.moments(machine, BATCH) for _ in range(10)]
    for name in ("products", "visible", "hidden"):
        mean = np.mean([getattr(moments, name) for moments in found], axis=0)
        assert np.abs(mean - getattr(exact, name)).max() < 0.03


@pytest.mark.parametrize(("policy", "moves"), [("fixed", False), ("once", True), ("tracked", True)])
def test_temperature_policies(policy: Any, moves: bool) -> None:
    sampler = phase(temperature=Temperature(policy=policy, beta=1.5, calls=3, rate=0.5))
    machine = small_machine(5, 4)
    assumed = [sampler.call(to_ising(machine)).answer.assumed for _ in range(6)]
    assert (assumed[1] != assumed[0]) == moves
    assert (assumed[5] != assumed[4]) == (policy == "tracked")
    curves = settled(sampler, machine, 2).curves()
    assert set(curves) == {"effective beta", "assumed beta", "broken chains"}
    assert sampler.curves() == {}


def test_a_problem_outside_the_ranges_is_divided_by_more() -> None:
    machine = BoltzmannParameters(np.full((5, 4), 30, np.float32), np.zeros(5, np.float32), np.zeros(4, np.float32))
    logical, embedded = (
        phase(embedding=how, temperature=Temperature(policy="fixed", beta=1.0)).call(to_ising(machine)).answer
        for how in ("none", "structure")
    )
    assert logical.assumed == pytest.approx(5 * 30 / 4 / 2)  # the largest field, of 5 couplings, against 2
    assert embedded.assumed == pytest.approx(4 * 30 / 4 / 2)  # hidden units share theirs between two qubits


def test_weak_chains_break_and_strong_ones_do_not() -> None:
    machine = small_machine(10, 10)  # chains of three qubits; single qubits cannot break
    broken = {}
    for strength in (0.01, 1.0):
        sampler = phase(10, 10, chain_strength=strength, temperature=Temperature(policy="fixed"))
        broken[strength] = sampler.call(to_ising(machine)).answer.broken
    assert broken[0.01] > 0.2 > broken[1.0]


@pytest.mark.parametrize("unembedding", ["majority_vote", "minimise_energy", "discard"])
def test_unembeddings(unembedding: Any) -> None:
    answer = phase(unembedding=unembedding, reads=200).call(to_ising(small_machine(5, 4))).answer
    assert answer.visible.shape[1] == 5
    assert set(np.unique(answer.hidden)) <= {-1, 1}
    assert len(answer.visible) == 200 or unembedding == "discard"


def test_discarding_every_read_is_an_error() -> None:
    hot = phase(chain_strength=1e-6, unembedding="discard", hardware=Hardware(beta=0.01), n_visible=30, n_hidden=30)
    with pytest.raises(PartError, match="every read had a broken chain"):
        hot.call(to_ising(small_machine(30, 30)))


def test_a_budget_stops_before_it_is_exceeded() -> None:
    sampler, machine = phase(most_reads=1200), small_machine(5, 4)
    settled(sampler, machine, 2)
    with pytest.raises(PartError, match="the budget of 1,200 reads is used up: 1,000 after 2 calls"):
        sampler.moments(machine, BATCH)


def test_resuming_in_mid_training_repeats_what_would_have_come() -> None:
    machine = small_machine(5, 4)
    whole = settled(phase(), machine, 2)
    resumed = phase()
    resumed.restore({name: np.array(array) for name, array in whole.state().items()})
    one, other = (settled(sampler, machine, 2).recording() for sampler in (whole, resumed))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def recorded(folder: Path, machine: BoltzmannParameters[Any]) -> tuple[Recording, list[NDArray[Any]]]:
    sampler = phase()
    moments = [sampler.moments(machine, BATCH).products for _ in range(3)]
    path = folder / "recording.npz"
    np.savez(path, **sampler.recording())  # type: ignore[arg-type]
    return Recording(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest()), moments


def test_a_recorded_run_replays_bit_for_bit(tmp_path: Path) -> None:
    machine = small_machine(5, 4)
    recording, wanted = recorded(tmp_path, machine)
    replay = phase(backend="recorded", recording=recording)
    for products in wanted:
        assert np.array_equal(replay.moments(machine, BATCH).products, products)
    with pytest.raises(PartError, match="has 3 answers, call 4 has none"):
        replay.moments(machine, BATCH)


def test_a_recording_is_as_large_as_its_calls_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, _ = recorded(tmp_path, small_machine(5, 4))
    monkeypatch.setattr("qaml.samplers.annealer.tape.MOST_BYTES", 10)
    assert Tape(recording).is_replayed
    path = tmp_path / "packed.npz"
    np.savez_compressed(path, **dict(np.load(recording.path)) | {"bits": np.zeros((10**6, 2), np.uint8)})
    bomb = Recording(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(PartError, match="is damaged: it is too large"):
        Tape(bomb)


def test_a_recording_of_another_run_is_refused(tmp_path: Path) -> None:
    recording, _ = recorded(tmp_path, small_machine(5, 4))
    with pytest.raises(PartError, match="answer 1 of the recording belongs to another problem"):
        phase(backend="recorded", recording=recording).moments(small_machine(5, 4, seed=9), BATCH)
    changed = recording.model_copy(update={"sha256": 64 * "0"})
    with pytest.raises(PartError, match="not the file that was named"):
        phase(backend="recorded", recording=changed)
    with pytest.raises(PartError, match="cannot be read"):
        phase(backend="recorded", recording=changed.model_copy(update={"path": str(tmp_path / "gone.npz")}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reads": 500, "spin_reversals": 3}, "multiple of 'spin_reversals'"),
        ({"backend": "qpu", "embedding": "none"}, "embedded problems only"),
        ({"backend": "recorded"}, "expected 'recording'"),
    ],
)
def test_settings_that_contradict_each_other(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Annealer(**fields)
