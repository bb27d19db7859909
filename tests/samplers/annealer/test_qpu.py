"""The way to a QPU, up to the cloud: a client of ours stands in for Ocean's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

import dwave.system
import numpy as np
import pytest
from dwave.cloud import exceptions
from dwave.system.testing import MockDWaveSampler

from qaml.errors import PartError
from qaml.samplers.annealer.emulator import ThermalChip
from qaml.samplers.annealer.ising import to_ising
from qaml.samplers.annealer.part import Annealer, GivenChains, Hardware
from qaml.samplers.annealer.phase import AnnealerPhase
from tests.samplers.machines import small_machine

TOKEN = "SIM-0123456789abcdef"


class Cloud(MockDWaveSampler):  # type: ignore[misc]
    """A QPU in the cloud: samples of an emulator, and errors on demand."""

    asked: ClassVar[dict[str, Any]] = {}
    calls = 0
    failing: Exception | None = None

    def __init__(self, **given: Any) -> None:
        Cloud.asked = given
        chip = ThermalChip(Hardware(size=3), "whole_chain", 20, 0)
        super().__init__(
            topology_type="chimera", topology_shape=[3, 3, 4], substitute_sampler=chip, parameter_warnings=False
        )

    def sample(self, bqm: Any, **settings: Any) -> Any:
        Cloud.calls += 1
        if Cloud.failing is not None and Cloud.calls > 5:
            raise Cloud.failing
        return super().sample(bqm, **settings)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> type[Cloud]:
    Cloud.calls, Cloud.failing = 0, None
    monkeypatch.setattr(dwave.system, "DWaveSampler", Cloud)
    return Cloud


def phase(**fields: Any) -> AnnealerPhase:
    return AnnealerPhase(Annealer(**{"backend": "qpu", "reads": 50, **fields}), 5, 4, 1)


def test_a_qpu_is_asked_through_the_same_composites(cloud: type[Cloud]) -> None:
    sampler = phase(solver="Advantage_system4.1")
    assert cloud.asked == {"solver": "Advantage_system4.1"}
    response = sampler.call(to_ising(small_machine(5, 4)))
    assert cloud.calls == 5  # one a gauge
    assert response.answer.visible.shape == (50, 5)
    assert response.answer.qpu_seconds >= 0


def test_chains_of_a_qpu_that_has_lost_qubits_since_are_laid_anew(cloud: type[Cloud], tmp_path: Path) -> None:
    assert cloud is Cloud
    earlier = Annealer(backend="qpu", reads=50)
    remembered, lost = tmp_path / "embedding.json", 10_000
    chains = phase().chains
    assert chains is not None
    remembered.write_text(json.dumps({"chains": {str(unit): list(chain) for unit, chain in chains.items()}}))
    assert AnnealerPhase(earlier.embedded(remembered), 5, 4, 1).chains == chains
    remembered.write_text(json.dumps({"chains": {str(unit): [*chain, lost + unit] for unit, chain in chains.items()}}))
    assert AnnealerPhase(earlier.embedded(remembered), 5, 4, 1).chains == chains
    given = GivenChains(path=str(remembered), sha256=hashlib.sha256(remembered.read_bytes()).hexdigest())
    with pytest.raises(PartError, match="the chain of unit 0 has qubit 10000, which is not on chimera"):
        phase(chains=given)  # a person's own chains are never replaced


def test_qpu_time_has_a_budget(cloud: type[Cloud], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    sampler = phase(most_qpu_seconds=0.02)
    monkeypatch.setattr("qaml.samplers.annealer.phase.call_qpu", lambda s, m, k: (s.sample(m, **_known(k)), 0.008))
    for _ in range(2):
        sampler.call(to_ising(small_machine(5, 4)))
    with pytest.raises(PartError, match=r"the budget of 0\.02 s of QPU time is used up: 0\.02 s after 2 calls"):
        sampler.call(to_ising(small_machine(5, 4)))


def _known(settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in ("annealing_time", "auto_scale")}


def test_a_lost_connection_loses_nothing(cloud: type[Cloud]) -> None:
    machine, batch = small_machine(5, 4), np.zeros((1, 1), np.float32)
    sampler = phase()
    sampler.moments(machine, batch)
    state = {name: np.array(array) for name, array in sampler.state().items()}
    cloud.failing = exceptions.SolverOfflineError("solver is offline")
    with pytest.raises(PartError, match="the QPU did not answer: solver is offline") as caught:
        sampler.moments(machine, batch)
    assert "goes on from its last checkpoint" in caught.value.hint
    cloud.failing = None
    resumed = phase()
    resumed.restore(state)
    assert len(resumed.recording()["reads"]) == 1
    resumed.moments(machine, batch)
    assert len(resumed.recording()["reads"]) == 2


@pytest.mark.parametrize(
    ("error", "solver", "message", "hint"),
    [
        (ValueError("API token not defined"), None, "no way to a QPU: API token not defined", "DWAVE_API_TOKEN"),
        (exceptions.SolverNotFoundError("none"), "Advantag", "there is no QPU 'Advantag'", "dwave solvers"),
        (exceptions.SolverNotFoundError("none"), None, "there is no QPU for this account", "dwave solvers"),
        (exceptions.SolverAuthenticationError(), None, "does not accept the token", "dwave setup"),
        (ConnectionError("no route"), None, "does not answer: no route", "later"),
    ],
)
def test_what_is_wrong_with_the_way_to_a_qpu(
    error: Exception, solver: str | None, message: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    monkeypatch.setattr(dwave.system, "DWaveSampler", refuse)
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    with pytest.raises(PartError, match=message) as caught:
        phase(solver=solver)
    assert hint in caught.value.hint
    assert TOKEN not in str(caught.value)
    assert TOKEN not in Annealer(backend="qpu").model_dump_json()


def test_without_a_token_oceans_own_client_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("DWAVE_API_TOKEN", "DWAVE_CONFIG_FILE", "DWAVE_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(PartError, match="no way to a QPU") as caught:
        phase()
    assert "backend: whole_chain" in caught.value.hint
