"""Circuits on devices with shots: a device fails in every way and at every point, and nothing is lost or paid twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qaml
from qaml.errors import PartError, RunError, StoreError
from qaml.models.base import MODELS
from qaml.models.capabilities import Run
from qaml.models.qnn.part import QNN
from qaml.models.qvc.part import QVC
from qaml.quantum.sampled import counted, device_of, work_of
from qaml.run.arrays import read_arrays
from qaml.run.counting import concatenated, ledger_of, summary_of, tapes_of
from qaml.run.ledger import Ledger, Question
from qaml.run.steps.evaluate import Asked
from qaml.run.steps.measure import Interleaved, apart, measured, said, said_before
from qaml.spec.suite import Account, Inference, Paid, Price
from qaml.types import InputInfo
from tests.run.laboratory import CIRCUITS, COST, IMAGES, INFO, SHOTS, Laboratory
from tests.run.remote import Killed, Queue, Remote, Service

FAULTS = (*("timeout", "raises", "few shots", "few circuits", "other answers", "other wires", "nan", "fractions"),)


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


@pytest.mark.parametrize("fault", FAULTS)
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
    one, other = (said(counts / SHOTS, run, np.zeros(7)) for counts in (whole, again))
    np.testing.assert_array_equal(one.first.shares, other.first.shares)
    np.testing.assert_array_equal(one.correct, (whole[:, 0] >= whole[:, 1]).astype(np.float32))


def test_a_damaged_answer_is_asked_again(run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path, run)
    laboratory.counts()
    answer = next(tmp_path.rglob("1-*.npz"))
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
    with pytest.raises(RunError, match="shots do not fit into the budget of this evaluation"):
        laboratory.counts(budget=budget)
    assert laboratory.ledger.spent == SHOTS * CIRCUITS * spent


def test_a_budget_that_holds_a_lost_job_is_enough(run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory, budget = Laboratory(tmp_path, run), COST + SHOTS * CIRCUITS
    with pytest.raises(Killed):
        laboratory.counts({1: "killed after"}, budget)
    np.testing.assert_array_equal(laboratory.counts(budget=budget), whole)


@pytest.mark.parametrize("job", [0, 2])
def test_a_job_with_an_id_is_fetched_and_not_paid_again(job: int, run: Run, whole: Any, tmp_path: Path) -> None:
    """Killed while it waits for the result of a job whose id is known."""
    laboratory, service = Laboratory(tmp_path, run), Service({-job - 1: "killed"})
    with pytest.raises(Killed):
        laboratory.asked(service, kind=Queue)
    counting = laboratory.counting(service, kind=Queue)
    answers = concatenated(measured(laboratory.job, counting, IMAGES))
    np.testing.assert_array_equal(answers["counts"], whole)
    assert (laboratory.ledger.spent, laboratory.ledger.n_again, service.n_submitted) == (COST, 0, 3)
    summary = summary_of(counting)
    assert (summary["fetched"], summary["jobs"][job]["ids"]) == (1, [f"job-{job + 1}"])
    assert summary["calibration"] == {"backend": "fake-5", "readout error": [0.01, 0.01]}
    assert summary["jobs"][job]["submitted"].endswith("Z")


@pytest.mark.parametrize("fault", ["killed unknown", "lost", "few shots", "nan"])
def test_a_job_that_the_service_does_not_have_is_asked_again(fault: str, run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory, service = Laboratory(tmp_path, run), Service({1: fault})
    with pytest.raises(Killed if fault == "killed unknown" else RunError):
        laboratory.asked(service, kind=Queue)
    np.testing.assert_array_equal(laboratory.asked(service, kind=Queue), whole)
    assert (laboratory.ledger.spent, laboratory.ledger.n_again) == (COST + SHOTS * CIRCUITS, 1)


def test_a_result_that_cannot_be_fetched_now_is_not_paid_again(run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory, service = Laboratory(tmp_path, run), Service({-1: "killed", -2: "raises"})
    with pytest.raises(Killed):
        laboratory.asked(service, kind=Queue)
    with pytest.raises(RunError, match="the queue is closed"):
        laboratory.asked(service, kind=Queue)
    np.testing.assert_array_equal(laboratory.asked(service, kind=Queue), whole)
    assert laboratory.ledger.spent == COST


def test_a_budget_for_what_is_left_is_enough_when_a_job_is_fetched(run: Run, whole: Any, tmp_path: Path) -> None:
    laboratory, service = Laboratory(tmp_path, run), Service({-2: "killed"})
    with pytest.raises(Killed):
        laboratory.asked(service, COST, kind=Queue)
    np.testing.assert_array_equal(laboratory.asked(service, COST, kind=Queue), whole)


def test_wires_are_mapped_and_a_replay_says_what_is_compiled_otherwise(run: Run, tmp_path: Path) -> None:
    laboratory, service = Laboratory(tmp_path, run), Service()
    laboratory.asked(service, wires=(4, 1))
    assert {wire for each in service.circuits for wire in each.wires} == {4, 1}
    counting = laboratory.counting(service, wires=(4, 1))
    measured(laboratory.job, counting, IMAGES)
    assert (service.n_submitted, list(counting.remarks)) == (3, [])
    assert counting.records[0]["wires"] == [4, 1]
    assert counting.records[0]["compiled"]["n_two_qubit"] == 2
    for path in tmp_path.rglob("0-*.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"compiled": record["compiled"] | {"digest": "another"}}))
    next(tmp_path.rglob("1-*.npz")).unlink()
    counting = laboratory.counting(service, wires=(4, 1))
    measured(laboratory.job, counting, IMAGES)
    assert "compiles otherwise" in next(iter(counting.remarks))
    counting = laboratory.counting(service, wires=(1, 4))
    measured(laboratory.job, counting, IMAGES)
    assert "were not used" in next(iter(counting.remarks)), "counts of other wires"
    with pytest.raises(RunError, match="maps 3 wires, and the circuit has 2"):
        laboratory.counting(service, wires=(1, 2, 3))


PRICED = Account(budget=COST + 60, most=8.0, price=Price(shot=0.01, circuit=0.1, job=1.0), currency="EUR")


def test_a_suite_pays_for_all_its_evaluations_from_one_account(run: Run, tmp_path: Path) -> None:
    """The three jobs of 7 circuits and 140 shots cost 3 + 0.7 + 1.4, and what is left does not hold them again."""
    laboratory = Laboratory(tmp_path, run)
    laboratory.counts(account=PRICED)
    assert sum(each.cost for each in laboratory.ledger.charges) == pytest.approx(5.1)

    def other(suite: str, account: Account) -> Ledger:
        return Ledger(tmp_path, "other", suite, "fake.remote", account, None)

    with pytest.raises(RunError, match=r"a cost of 4.30 EUR does not fit .* 8.00 EUR of suite 'suite' .* 5.10 EUR are"):
        other("suite", PRICED).check(3, 7, 60)
    with pytest.raises(RunError, match=r"80 shots do not fit into the budget of suite 'suite' on fake.remote, 200, of"):
        other("suite", PRICED).charge(Question(0, "0" * 64), 4, 80)
    other("another", PRICED).check(3, 7, COST)
    assert "cost 5.10 EUR" in said_before(laboratory.counting(Service(), account=PRICED), 3, 7, IMAGES)


def test_an_account_is_not_exceeded_by_those_who_pay_at_once(tmp_path: Path) -> None:
    def spend(name: str) -> int:
        ledger, n = Ledger(tmp_path, name, "suite", "fake.remote", Account(budget=100), None), 0
        with suppress(RunError):
            for n in range(100):
                ledger.charge(Question(n, "0" * 64), 1, 7)
        return n

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(spend, "abcd")) == 100 // 7


def test_half_a_charge_is_none_and_a_damaged_one_stops_everything(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "evaluation", "suite", "fake.remote", Account(), None)
    ledger.charge(Question(0, "0" * 64), 1, 7)
    journal = tmp_path / "charges.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"at": "2026')
    ledger.charge(Question(1, "0" * 64), 1, 7)
    assert (ledger.spent, len(journal.read_bytes().splitlines())) == (14, 2)
    journal.write_bytes(b"?\n" + whole)
    with pytest.raises(StoreError, match="damaged line, so that what was spent is not known"):
        Ledger(tmp_path, "evaluation", "suite", "fake.remote", Account(), None).check(1, 1, 1)


def test_a_refresh_asks_anew_and_pays_from_the_same_account(run: Run, tmp_path: Path) -> None:
    """The evaluation is another one, its budget, too; the suite's account is not."""
    inference = Inference(device="fake.remote", shots=10, budget=100)
    paid = {"paid": Paid(suite="suite", account=Account(budget=150))}
    job = Laboratory(tmp_path, run).job._replace(payload=paid, devices=tmp_path)
    first, fresh = ledger_of(job, inference), ledger_of(job._replace(fresh="20260101-x"), inference)
    first.charge(Question(0, "0" * 64), 10, 100)
    assert (fresh.spent, fresh.answer(Question(0, "0" * 64))) == (0, None)
    fresh.check(1, 5, 50)
    with pytest.raises(RunError, match="60 shots do not fit into the budget of suite 'suite'"):
        fresh.check(1, 6, 60)


def test_two_processes_do_not_ask_the_same(run: Run, tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path, run)
    with (
        laboratory.ledger.alone(),
        pytest.raises(StoreError, match="another process is asking"),
        laboratory.ledger.alone(),
    ):
        pass


def test_interleaved_images_come_one_after_the_other() -> None:
    """Each image is clean, then at each budget; a job is a run of these, and the evidence is put apart again."""
    start = np.arange(3, dtype=np.float32)[:, None]
    asked = Asked(start, np.concatenate([start + 10, start + 20]))
    inputs = Interleaved(asked)
    assert inputs[0:9].ravel().tolist() == [0, 10, 20, 1, 11, 21, 2, 12, 22]
    assert (inputs.shape, inputs[7:99].ravel().tolist()) == ((9, 1), [12, 22])
    # the answer is one where the tens digit is odd
    ones = (inputs[0:9].ravel() // 10 % 2).astype(float)
    run = Run(None, None, (0,), lambda shares: shares.log())  # type: ignore[arg-type]
    found = apart(np.stack([1 - ones, ones], 1), run, np.ones(6), asked)
    assert found.correct.tolist() == [1, 1, 1, 0, 0, 0]
    assert found.further["beside"].tolist() == [0, 0, 0]


class Drifting(Remote):
    """A machine that flips every bit from its second job on."""

    def drawn(self, circuits: Any) -> Any:
        """Counts, flipped or not."""
        is_flipped = self.service.n_submitted > 1
        bits = str.maketrans("01", "10") if is_flipped else {}
        return tuple({str(o).translate(bits): n for o, n in answer.items()} for answer in super().drawn(circuits))


def test_a_drift_moves_interleaved_images_together(run: Run, tmp_path: Path) -> None:
    """Images that no attack has changed are answered alike, whichever job they are in."""
    laboratory = Laboratory(tmp_path, run)
    counting = laboratory.counting(Service(), kind=Drifting, shots=500, circuits=5)
    unchanged = Interleaved(Asked(IMAGES, IMAGES))
    counts = concatenated(measured(laboratory.job, counting, unchanged, 2))
    assert np.bincount(counts["job"]).tolist() == [4, 4, 4, 2], "whole images"
    shares = (counts["counts"] / 500).reshape(7, 2, 2)
    assert np.abs(shares[:, 0] - shares[:, 1]).max() < 0.15
    alone = laboratory.counting(Service(), shots=500, circuits=50)
    assert np.abs(concatenated(measured(laboratory.job, alone, IMAGES))["counts"] / 500 - shares[:, 1]).max() > 0.2


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
        jobs = json.loads((path.parent / "jobs.json").read_text())
        assert (jobs["spent"], jobs["again"], len(jobs["jobs"])) == (600, 0, 3)
        assert np.array_equal(predictions["predicted"][0], (counts["counts"][:, 1] > 25).astype(int))
        assert "asked" not in predictions
