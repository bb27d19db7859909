"""Black-box attacks that ask a device: paid in shots, resumed from what was answered, and never beyond the budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from qaml.attacks.base import Target
from qaml.attacks.minimisation.part import HopSkipJump
from qaml.attacks.noise.part import UniformNoise
from qaml.attacks.square.part import Square
from qaml.cli import app
from qaml.errors import RunError
from qaml.models.capabilities import Run
from qaml.models.qnn.part import QNN
from qaml.outcome.outcome import Outcome
from qaml.run.arrays import read_arrays
from qaml.run.charges import Charges
from qaml.run.prune import prune
from qaml.run.steps.ask import OnDevice
from qaml.run.store import Store
from qaml.session.options import Options
from qaml.session.session import Session
from tests.run.laboratory import IMAGES, INFO, Laboratory
from tests.run.remote import Killed, Queue, Service

LABELS = torch.tensor([0, 1, 0, 1, 0, 1, 0])
ATTACKS = {
    "square": Square(epsilon=(0.3,), queries=6, ask="device"),
    "noise": UniformNoise(epsilon=(0.3,), draws=4, ask="device"),
    "hop_skip_jump": HopSkipJump(queries=24, ask="device"),
}


def attacked(laboratory: Laboratory, service: Service, attack: Any, budget: int | None = None) -> Any:
    """The adversarials of an attack that asks the service."""
    module = OnDevice(laboratory.counting(service, budget, kind=Queue, circuits=50), laboratory.job)
    target = Target(module, INFO.bounds, 2)
    found = attack.run(target, torch.from_numpy(IMAGES), LABELS, 3, lambda _: None)
    return found, module


@pytest.fixture(scope="module")
def run() -> Run:
    module: Any = QNN(layers=1).build(INFO, 0).eval()
    found: Run = module.runnable()
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_resumed_from_what_was_answered(name: str, run: Run, tmp_path: Path) -> None:
    attack, whole = ATTACKS[name], Laboratory(tmp_path / "whole", run)
    expected, _ = attacked(whole, Service(), attack)
    spent, n = whole.ledger.spent, len(whole.ledger.charges)
    assert spent == 20 * sum(each.circuits for each in whole.ledger.charges)
    assert sum(each.circuits for each in whole.ledger.charges) <= len(IMAGES) * attack.most_asked
    laboratory = Laboratory(tmp_path / "killed", run)
    with pytest.raises(Killed):
        attacked(laboratory, Service({n // 2: "killed before"}), attack)
    found, _ = attacked(laboratory, Service(), attack)
    np.testing.assert_array_equal(found.adversarials, expected.adversarials)
    np.testing.assert_array_equal(found.claimed, expected.claimed)
    assert laboratory.ledger.n_again == 1
    assert laboratory.ledger.spent == spent + laboratory.ledger.charges[n // 2].shots
    service = Service()
    again, _ = attacked(laboratory, service, attack)
    assert service.n_submitted == 0, "replayed without the device"
    np.testing.assert_array_equal(again.adversarials, expected.adversarials)


def test_an_attack_ends_with_its_budget_and_goes_on_with_a_larger_one(run: Run, tmp_path: Path) -> None:
    laboratory, service = Laboratory(tmp_path, run), Service()
    with pytest.raises(RunError, match="do not fit into the budget of this evaluation, 500"):
        attacked(laboratory, service, ATTACKS["square"], 500)
    assert 500 - 7 * 20 < laboratory.ledger.spent <= 500
    found, _ = attacked(laboratory, service, ATTACKS["square"])
    assert laboratory.ledger.n_again == 0
    assert len(found.adversarials[0]) == len(IMAGES)


def test_an_input_without_a_state_has_no_answer_and_costs_nothing(run: Run, tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path, run)
    module = OnDevice(laboratory.counting(Service(), kind=Queue), laboratory.job)
    logits = module(torch.tensor([[0.0, 0, 0, 0], [0.5, 0, 0, 0], [torch.nan, 0, 0, 1]]))
    assert logits.isnan().all(1).tolist() == [True, False, True]
    assert laboratory.ledger.spent == 20


SUITE = """
suite: asked
evaluation: {seeds: 1, images: 6}
diagnostics: {enabled: false}
devices:
  default.mixed: {budget: 2000, price: {shot: 0.01}, most: 100, currency: EUR}
datasets:
  moons: {kind: moons, n: 60}
models:
  exact: {kind: qnn, dataset: moons, layers: 1, training: {lr: 0.05, epochs: 2}}
  counted:
    derive:
      from: exact
      inference: {device: default.mixed, shots: 20, interleaved: true, mitigation: readout}
attacks:
  square: {kind: square, epsilon: 0.2, queries: 4, ask: device}
claims:
  - id: attacked
    statement: s
    kind: bound
    metric: robust_accuracy
    of: {model: counted, attack: square}
    at_least: 0
"""


def judged(spec: Path, store: Path) -> Outcome:
    """The outcome of the suite's claim."""
    session = Session(Options((spec,), "quick", store, store))
    session.cover(["asked::attacked"])
    return session.outcome("asked::attacked")


def test_a_claim_about_an_attacker_who_asks_the_device(tmp_path: Path) -> None:
    """What was expected to be spent is an upper bound, exact where nothing is adaptive; a pruned result is replayed."""
    spec, root = tmp_path / "asked.yaml", tmp_path / "store"
    spec.write_text(SUITE)
    said = CliRunner().invoke(app, ["plan", str(spec), "--store", str(root)]).output.splitlines()
    rows = {line[:46].strip(): line[46:].split() for line in said}
    assert rows["measure counted on clean images, seed 0"] == ["8", "0", "4", "20", "1.60"]
    assert rows["attack counted with square, seed 0"] == ["40", "0", "4", "20", "8.00"]
    assert rows["measure counted on counted with square, seed 0"] == ["14", "0", "4", "20", "2.80"]
    assert any(
        line.startswith("asked on default.mixed: at most 1,240 shots in 7 jobs, cost 12.40 EUR; 0 shots are spent of")
        for line in said
    ), said
    outcome = judged(spec, root)
    assert outcome.verdict == "supported"
    assert any("square asked the device of counted itself" in note for note in outcome.notes), outcome.notes
    charges = list(Charges(root / "devices"))
    made = read_arrays(next(root.rglob("adversarials.npz")))
    n_asked = int(made["device_circuits"])
    assert 6 * 2 <= n_asked <= 40
    assert sum(each.circuits for each in charges) == 8 + 14 + n_asked
    assert {each.suite for each in charges} == {"asked"}
    found = [path for path in root.rglob("predictions.npz") if "beside" in read_arrays(path)]
    (before,) = [read_arrays(path) for path in found]
    assert before["beside"].shape == (6,)
    prune(Store(root))
    assert not list(root.rglob("predictions.npz"))
    judged(spec, root)
    (after,) = [read_arrays(path) for path in found]
    assert all(np.array_equal(after[name], before[name], equal_nan=name != "labels") for name in before)
    assert len(list(Charges(root / "devices"))) == len(charges), "replayed from what was answered"
