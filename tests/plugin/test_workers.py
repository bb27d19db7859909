"""Workers: the same outcomes however many there are, and no waiting for what has failed elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Planted
from tests.plugin.project import Project, without_times

CRASHING = """
suite: crashing
evaluation: {seeds: 1, images: 20}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 50, test: 20}]}
models:
  mine: {kind: torch_module, dataset: digits, factory: "mine:Network", training: {epochs: 1}}
  linear: {kind: linear, dataset: digits, training: {epochs: 1}}
claims:
  - id: "{model}-{bound}"
    for: {model: [mine, linear], bound: [0, 0.01, 0.02]}
    statement: A model reads digits.
    kind: bound
    metric: clean_accuracy
    of: {model: "{model}"}
    at_least: "{bound}"
"""
NETWORK = """
import torch


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(64, 10)

    def forward(self, inputs):
        if self.training:
            raise ZeroDivisionError("the third layer is missing")
        return self.layer(inputs.flatten(1))
"""


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_outcomes_do_not_depend_on_the_number_of_workers(planted: Planted, tmp_path: Path, workers: str) -> None:
    project = Project(tmp_path / "project")
    project.spec("planted")
    project.spec("broken")
    run = project.pytest("-n", workers, QAML_DATA=str(planted.root / "no-data"))
    assert run.outcomes == planted.first.outcomes
    assert without_times(project.report()) == without_times(planted.outcomes)
    assert project.made_at().keys() == planted.made_at().keys()
    media = {path.name: path.read_bytes() for path in (project.root / "reports/latest/media").iterdir()}
    assert media == {path.name: path.read_bytes() for path in (planted.root / "reports/latest/media").iterdir()}


@pytest.fixture
def crashing(project: Project) -> Project:
    project.spec("crashing", CRASHING)
    (project.root / "mine.py").write_text(NETWORK)
    project.environment |= {"QAML_TRUSTED_MODULES": "mine", "PYTHONPATH": str(project.root)}
    return project


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.slow)])
def test_a_crash_in_a_part_is_an_error_of_every_claim_that_needs_it_and_nobody_waits(
    crashing: Project, workers: str
) -> None:
    run = crashing.pytest("-n", workers)
    assert set(run.outcomes) == {f"crashing::{m}-{b}" for m in ("mine", "linear") for b in ("0", "0-01", "0-02")}
    assert {name: o for name, o in run.outcomes.items() if o != "passed"} == {
        "crashing::mine-0": "error",
        "crashing::mine-0-01": "error",
        "crashing::mine-0-02": "error",
    }
    text = run.text("crashing::mine-0")
    assert "train mine, seed 0 failed: ZeroDivisionError: the third layer is missing" in text
    # its author must see where, once a claim
    assert 'raise ZeroDivisionError("the third layer is missing")' in text
    assert run.out.count("Traceback (most recent call last)") == 3
    assert "During handling" not in run.out
    assert "The above exception" not in run.out
    assert [failure["id"] for failure in crashing.report()["failures"]] == ["mine-0", "mine-0-01", "mine-0-02"]
    assert "Traceback" not in crashing.report()["failures"][0]["message"]
