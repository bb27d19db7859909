"""Circuits on devices with shots: a device fails in every way and at every point, and nothing is lost or paid twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pennylane as qml
import pytest
import torch

import qaml
from qaml.errors import PartError, RunError
from qaml.models.base import MODELS
from qaml.models.capabilities import Run
from qaml.models.qnn.part import QNN
from qaml.models.qvc.part import QVC
from qaml.quantum.sampled import counted, device_of, work_of
from qaml.run.arrays import read_arrays
from qaml.run.job import Job
from qaml.run.ledger import Ledger
from qaml.run.steps.measure import measured, said, tapes_of
from qaml.spec.suite import Inference
from qaml.types import Bounds, FloatArray, InputInfo

INFO = InputInfo((4,), ("a", "b"), Bounds(0.0, 1.0))
IMAGES: FloatArray = np.random.default_rng(0).uniform(0.1, 1, (7, 4)).astype(np.float32)
SHOTS, CIRCUITS = 20, 3
"""Three jobs: 3, 3 and 1 circuits."""
COST = SHOTS * len(IMAGES)


class Killed(BaseException):
    """The end of the process, which no handler of errors sees."""


class Remote(qml.devices.Device):  # type: ignore[misc]
    """A device that draws as a simulator does, and has no seed that qaml could set; each one takes one job.

    Args:
        fault: what happens to the job.
    """

    name = "fake.remote"

    def __init__(self, wires: int, seed: int, fault: str = "") -> None:
        super().__init__(wires=wires)
        self.inner, self.fault = qml.device("default.qubit", wires=wires, seed=seed), fault

    def execute(self, circuits: Any, execution_config: Any = None) -> Any:  # noqa: ARG002
        """Counts of every circuit, or the fault."""
        if self.fault == "timeout":
            raise TimeoutError("no answer after 60 s")
        if self.fault == "raises":
            raise ConnectionError("the queue is closed")
        if self.fault == "killed before":
            raise Killed
        answers = self.inner.execute(circuits)
        if self.fault == "killed after":
            raise Killed
        if self.fault == "few shots":
            return tuple(dict.fromkeys(answer, 1) for answer in answers)
        if self.fault == "few circuits":
            return answers[:-1]
        if self.fault == "other answers":
            return tuple(None for _ in answers)
        return answers


class Laboratory(NamedTuple):
    """A run of three jobs, in a folder that survives."""

    folder: Path
    run: Run

    def counts(self, faults: dict[int, str] | None = None, budget: int | None = None) -> Any:
        """Measure the images; the n-th submission of this process has the fault of that number."""
        inference = Inference(device="fake.remote", shots=SHOTS, circuits=CIRCUITS, budget=budget)
        submitted = iter(range(100))

        def device(name: str, n_wires: int, seed: int) -> Remote:
            assert name == "fake.remote"
            return Remote(n_wires, seed, (faults or {}).get(next(submitted), ""))

        job = Job("key", {}, 5, {}, lambda *_: self.folder, self.folder, self.folder, lambda *_: None)
        return measured(job, self.run, IMAGES, inference, Ledger(self.folder, budget), device)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder, None)


@pytest.fixture(scope="module")
def run() -> Run:
    module: Any = QNN(layers=1).build(INFO, 0).eval()
    found: Run = module.runnable()
    return found


@pytest.fixture(scope="module")
def whole(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The counts of a run without faults."""
    laboratory = Laboratory(tmp_path_factory.mktemp("whole"), run)
    counts = laboratory.counts()
    assert laboratory.ledger.spent == COST
    return counts


WRITTEN: dict[str, dict[str, Any]] = {
    "qnn": {"kind": "qnn", "layers": 2},
    "angle": {"kind": "qnn", "layers": 1, "encoding": "angle"},
    "qvc": {"kind": "qvc", "layers": 2, "logit_scale": 2.0},
    "reuploading": {
        "kind": "circuit",
        "wires": 2,
        "layers": [{"repeat": 2, "block": [{"rot": "all", "angles": {"affine": "dense"}}, {"cnot": "ring"}]}],
        "readout": {"parity": "all"},
    },
    "ancilla": {
        "kind": "circuit",
        "wires": {"data": 2, "ancilla": 1},
        "layers": [{"encode": "amplitude", "on": "data"}, {"rot": "all"}, {"cnot": "ring"}],
        "readout": {"probabilities": "ancilla", "log": True},
    },
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_circuit_on_a_device_is_the_model(kind: str) -> None:
    """With many shots logits tend to the model's own, within the spread of the shots."""
    shots = 100_000
    part = MODELS.load(WRITTEN[kind]["kind"]).model_validate_json(json.dumps(WRITTEN[kind]))
    module: Any = part.build(INFO, 1).eval()
    run: Run = module.runnable()
    tapes = tapes_of(run, IMAGES[:3], shots)
    counts = counted(device_of("lightning.qubit", run.circuit.n_wires, 5), tapes, shots)
    logits = run.logits_of(torch.from_numpy(counts / shots))
    torch.testing.assert_close(logits, module(torch.from_numpy(IMAGES[:3])).detach().double(), rtol=0.03, atol=0.03)


def test_the_work_is_known_before() -> None:
    """Amplitudes of 4 wires take about 2⁴ CNOTs, and a chain three."""
    module: Any = QVC(layers=1).build(InputInfo((16,), ("a", "b"), INFO.bounds), 0)
    work = work_of(tapes_of(module.runnable(), np.linspace(0.1, 1, 16, dtype=np.float32)[None], 1)[0])
    assert 16 <= work.n_two_qubit <= 32
    assert work.depth > work.n_two_qubit / 2


@pytest.mark.parametrize("fault", ["timeout", "raises", "few shots", "few circuits", "other answers"])
def test_a_device_that_fails_is_an_error_and_its_job_is_asked_again(
    fault: str, run: Run, whole: Any, tmp_path: Path
) -> None:
    laboratory = Laboratory(tmp_path, run)
    with pytest.raises(RunError, match="device"):
        laboratory.counts({1: fault})
    assert laboratory.ledger.spent == SHOTS * 6, "the failed job is paid for"
    np.testing.assert_array_equal(laboratory.counts(), whole)
    assert (laboratory.ledger.spent, laboratory.ledger.n_again) == (COST + SHOTS * 3, 1)


@pytest.mark.parametrize("job", [0, 1, 2])
@pytest.mark.parametrize("fault", ["killed before", "killed after"])
def test_a_kill_costs_at_most_the_job_in_flight(fault: str, job: int, run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path, run)
    with pytest.raises(Killed):
        laboratory.counts({job: fault})
    np.testing.assert_array_equal(laboratory.counts(), whole)
    size = min(CIRCUITS, len(IMAGES) - CIRCUITS * job)
    assert (laboratory.ledger.spent, laboratory.ledger.n_again) == (COST + SHOTS * size, 1)


def test_a_kill_while_counts_are_written_costs_that_job(
    run: Run, whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laboratory = Laboratory(tmp_path, run)

    def killed(path: Path, arrays: Any) -> None:  # noqa: ARG001
        path.write_bytes(b"half")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("qaml.run.ledger.write_arrays", killed)
        with pytest.raises(Killed):
            laboratory.counts()
    np.testing.assert_array_equal(laboratory.counts(), whole)
    assert laboratory.ledger.n_again == 1


def test_kept_answers_are_replayed_without_the_device(run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path, run)
    laboratory.counts()
    again = laboratory.counts(dict.fromkeys(range(9), "raises"))
    np.testing.assert_array_equal(again, whole)
    assert laboratory.ledger.spent == COST
    one, other = said(whole, run, np.zeros(7)), said(again, run, np.zeros(7))
    np.testing.assert_array_equal(one.first.shares, other.first.shares)
    np.testing.assert_array_equal(one.correct, (whole[:, 0] >= whole[:, 1]).astype(np.float32))


def test_a_damaged_answer_is_asked_again(run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path, run)
    laboratory.counts()
    answer = tmp_path / "answer-1.npz"
    answer.write_bytes(answer.read_bytes()[:-40])
    np.testing.assert_array_equal(laboratory.counts(), whole)
    assert laboratory.ledger.n_again == 1


@pytest.mark.parametrize(("budget", "spent"), [(1, 0), (COST - 1, 0), (COST, 2), (COST + SHOTS * 3 - 1, 2)])
def test_the_budget_is_never_exceeded(budget: int, spent: int, run: Run, tmp_path: Path) -> None:
    """Nothing is submitted that will not fit as a whole, nor again once a lost job has taken its share."""
    laboratory = Laboratory(tmp_path, run)
    with pytest.raises(Killed if spent else RunError):
        laboratory.counts({1: "killed after"}, budget)
    assert laboratory.ledger.spent == SHOTS * CIRCUITS * spent
    with pytest.raises(RunError, match="shots do not fit into the budget"):
        laboratory.counts(budget=budget)
    assert laboratory.ledger.spent == SHOTS * CIRCUITS * spent


def test_a_budget_that_holds_a_lost_job_is_enough(run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory, budget = Laboratory(tmp_path, run), COST + SHOTS * CIRCUITS
    with pytest.raises(Killed):
        laboratory.counts({1: "killed after"}, budget)
    np.testing.assert_array_equal(laboratory.counts(budget=budget), whole)


def test_an_image_without_a_state_is_named(run: Run) -> None:
    with pytest.raises(PartError, match="zero everywhere"):
        tapes_of(run, np.zeros((1, 4), np.float32), 5)


SUITE = """
suite: counted
evaluation: {seeds: 1, images: 12}
diagnostics: {enabled: false}
datasets:
  moons: {kind: moons, n: 60}
models:
  exact: {kind: qnn, dataset: moons, layers: 2, training: {lr: 0.05, epochs: 3}}
  counted: {derive: {from: exact, inference: {device: lightning.qubit, shots: 50, circuits: 5, budget: 600}}}
attacks:
  fgsm: {kind: fgsm, epsilon: 0.2}
claims:
  - {id: clean, statement: s, kind: bound, metric: clean_accuracy, of: {model: counted}, at_least: 0}
  - {id: attacked, statement: s, kind: bound, metric: robust_accuracy, of: {model: counted, attack: fgsm}, at_least: 0}
"""


def test_claims_are_judged_by_counts(tmp_path: Path) -> None:
    """The images are those of the exact circuit's attack, the answers those of 50 shots each."""
    (tmp_path / "counted.yaml").write_text(SUITE)
    results = qaml.run_suite(tmp_path / "counted.yaml", store=tmp_path / "store", report=tmp_path / "report")
    assert {outcome.verdict for outcome in results} == {"supported"}
    found = sorted((tmp_path / "store").rglob("counts.npz"))
    assert len(found) == 2
    for path in found:
        counts, predictions = read_arrays(path), read_arrays(path.parent / "predictions.npz")
        assert counts["counts"].shape == (12, 2)
        assert (counts["counts"].sum(1) == 50).all()
        assert (int(counts["spent"]), int(counts["again"])) == (600, 0)
        assert np.array_equal(predictions["predicted"][0], (counts["counts"][:, 1] > 25).astype(int))
        assert "asked" not in predictions
