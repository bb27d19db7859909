"""A dataset whose content changes while it declares the same: old and new never meet in one verdict."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import qaml
from tests.plugin.project import Project
from tests.plugin.test_third_party import install

POINTS = """
import os
from typing import Literal

import numpy as np

from qaml.data.base import DatasetPart
from qaml.types import Bounds, Data, InputInfo, Split


class Points(DatasetPart):
    kind: Literal["mine/points"] = "mine/points"

    def describe(self):
        return InputInfo((2,), ("left", "right"), Bounds(0.0, 1.0))

    def checksums(self):
        return {"points": "of any content"}

    def read(self):
        file = np.load("points.npz")
        inputs, labels = file["inputs"], file["labels"]
        if "FLIPPED" in os.environ:
            labels = np.where(np.arange(len(labels)) % 2, labels, 1 - labels)
        numbers = np.arange(len(labels))
        train, test = slice(200), slice(200, None)
        return Data(*(Split(inputs[s], labels[s], numbers[s]) for s in (train, test)), self.info)
"""
SPEC = """
suite: points
evaluation: {seeds: 1}
diagnostics: {enabled: false}
datasets:
  all: {kind: mine/points}
  few: {kind: mine/points, transforms: [{kind: subset, train: 150}]}
models:
  linear: {kind: linear, dataset: few, training: {epochs: 20, batch: 10, lr: 0.05}}
attacks:
  fgsm: {kind: fgsm, epsilon: 1.0e-6}
claims:
  - id: clean
    statement: Clean images are read.
    kind: bound
    metric: clean_accuracy
    of: {model: linear}
    at_least: 0.0
  - id: attacked
    statement: Attacked ones, too.
    kind: bound
    metric: accuracy_under_attack
    of: {model: linear, attack: fgsm}
    at_least: 0.0
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    install(made.root / "site", "mine-points", {"qaml.datasets": {"mine/points": "mine_points:Points"}})
    (made.root / "site" / "mine_points.py").write_text(POINTS)
    made.environment["PYTHONPATH"] = f"{made.root / 'site'}{os.pathsep}{Path(qaml.__file__).parents[1]}"
    made.spec("points", SPEC)
    replace(made, share_flipped=0.0)
    return made


def replace(project: Project, share_flipped: float) -> None:
    """Two classes with a gap, some labels wrong; what can be learnt at most is known."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 300)
    inputs = generator.uniform(0, 1, (300, 2))
    inputs[:, 0] = inputs[:, 0] * 0.4 + labels * 0.6
    wrong = np.arange(300) % 10 < 10 * share_flipped
    np.savez(
        project.root / "points.npz",
        inputs=inputs.astype(np.float32),
        labels=np.where(wrong, 1 - labels, labels).astype(np.int64),
    )


def values(project: Project, *arguments: str, **environment: str) -> dict[str, float]:
    run = project.qaml("run", "specs/points.yaml", "-n", "0", *arguments, **environment)
    outcomes = project.report()["outcomes"]
    assert outcomes, run.stdout + run.stderr
    return {outcome["id"]: round(outcome["measured"][0]["estimate"]["value"], 2) for outcome in outcomes}


def test_a_file_replaced_between_two_runs(project: Project) -> None:
    assert values(project) == {"clean": 1.0, "attacked": 1.0}
    replace(project, share_flipped=0.3)
    now = values(project)
    assert now["clean"] == now["attacked"] == pytest.approx(0.7, abs=0.05), "three in ten labels cannot be learnt"
    before = project.made_at()
    replace(project, share_flipped=0.3)
    assert values(project) == now
    assert project.made_at() == before, "the same content, written again, rebuilds nothing"


def test_content_that_changes_without_a_file(project: Project) -> None:
    """Half of the labels turn by a variable: nobody sees it before the data are read for the second claim."""
    assert values(project, "--claim", "clean") == {"clean": 1.0}
    now = values(project, FLIPPED="1")
    assert now["clean"] == now["attacked"] < 0.8


def test_test_examples_that_were_trained_on_decide_nothing(project: Project) -> None:
    with np.load(project.root / "points.npz") as file:
        inputs, labels = file["inputs"].copy(), file["labels"].copy()
    inputs[200:], labels[200:] = inputs[:100], labels[:100]
    np.savez(project.root / "points.npz", inputs=inputs, labels=labels)
    project.qaml("run", "specs/points.yaml", "-n", "0", "--claim", "clean")
    (outcome,) = project.report()["outcomes"]
    assert outcome["verdict"] == "invalid"
    assert [finding["name"] for finding in outcome["findings"]] == ["test_in_training"]


def test_wrong_labels_are_an_error_of_every_claim(project: Project) -> None:
    with np.load(project.root / "points.npz") as file:
        np.savez(project.root / "points.npz", inputs=file["inputs"], labels=file["labels"] + 1)
    run = project.qaml("run", "specs/points.yaml", "-n", "0")
    assert project.report()["outcomes"] == []
    assert "dataset 'mine/points': training labels lie in 1 … 2, expected 200 whole numbers from 0 to 1" in run.stdout
    assert "they count from 1? subtract 1" in run.stdout
    assert "Traceback" not in run.stdout
