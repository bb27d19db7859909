"""Black-box attacks that ask a device: paid in shots, resumed from what was answered, and never beyond the budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qaml
from qaml.attacks.base import Target
from qaml.attacks.minimisation.part import HopSkipJump
from qaml.attacks.noise.part import UniformNoise
from qaml.attacks.square.part import Square
from qaml.errors import RunError
from qaml.models.capabilities import Run
from qaml.models.qnn.part import QNN
from qaml.run.arrays import read_arrays
from qaml.run.steps.ask import OnDevice
from tests.run.laboratory import IMAGES, INFO, Laboratory
from tests.run.remote import Killed, Queue, Service

LABELS = torch.tensor([0, 1, 0, 1, 0, 1, 0])
ATTACKS = {
    "square": Square(epsilon=(0.3,), queries=6, ask="device"),
    "noise": UniformNoise(epsilon=(0.3,), draws=4, ask="device"),
    "hop_skip_jump": HopSkipJump(queries=40, evaluations=10, ask="device"),
}


def attacked(laboratory: Laboratory, service: Service, attack: Any, budget: int | None = None) -> Any:
    """The adversarials of an attack that asks the service."""
    module = OnDevice(laboratory.counting(service, budget, kind=Queue), laboratory.job)
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
    assert 440 < laboratory.ledger.spent <= 500
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
  default.mixed: {budget: 2000}
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


def test_a_claim_about_an_attacker_who_asks_the_device(tmp_path: Path) -> None:
    (tmp_path / "asked.yaml").write_text(SUITE)
    (outcome,) = qaml.run_suite(tmp_path / "asked.yaml", store=tmp_path / "store", report=tmp_path / "report")
    assert outcome.verdict == "supported"
    assert any("square asked the device of counted itself" in note for note in outcome.notes), outcome.notes
    lines = (tmp_path / "store" / "devices" / "charges.jsonl").read_text().splitlines()
    assert {json.loads(line)["suite"] for line in lines} == {"asked"}
    made = read_arrays(next((tmp_path / "store").rglob("adversarials.npz")))
    assert int(made["device_circuits"]) >= 6 * 2
    predictions = [read_arrays(path) for path in (tmp_path / "store").rglob("predictions.npz")]
    beside = next(each for each in predictions if "beside" in each)
    assert beside["beside"].shape == (6,)
