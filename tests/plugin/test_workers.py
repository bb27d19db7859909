"""Workers: the same outcomes however many there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Planted
from tests.plugin.project import Project, without_times


def test_outcomes_do_not_depend_on_the_number_of_workers_nor_threads(planted: Planted, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    project.spec("planted")
    project.spec("broken")
    data = str(planted.root / "no-data")
    run = project.pytest("-n", "2", QAML_DATA=data, OMP_NUM_THREADS="4", OPENBLAS_NUM_THREADS="4")
    assert run.outcomes == planted.first.outcomes
    assert without_times(project.report()) == without_times(planted.outcomes)
    assert project.made_at().keys() == planted.made_at().keys()
    media = {path.name: path.read_bytes() for path in (project.root / "reports/latest/media").iterdir()}
    assert media == {path.name: path.read_bytes() for path in (planted.root / "reports/latest/media").iterdir()}


TWO = """
suite: two
evaluation: {seeds: 1, images: 20}
diagnostics: {enabled: false}
datasets: {digits: {kind: digits, transforms: [{kind: subset, train: 50, test: 20}]}}
models:
  first: {kind: linear, dataset: digits, training: {epochs: 1, batch: 50}}
  second: {kind: linear, dataset: digits, training: {epochs: 50, batch: 50}}
claims:
  - {id: first, statement: It knows all., kind: bound, metric: clean_accuracy, of: {model: first}, at_least: 0.999}
  - {id: second, statement: It knows some., kind: bound, metric: clean_accuracy, of: {model: second}, at_least: 0.0}
"""


@pytest.mark.parametrize("arguments", [("-x",), pytest.param(("-x", "-n", "1"), marks=pytest.mark.slow)])
def test_the_first_failure_ends_a_run_before_others_claims_are_worked_for(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Though the other claim's path is longer."""
    project = Project(tmp_path / "project")
    project.spec("two", TWO)
    run = project.pytest(*arguments)
    assert run.outcomes == {"two::first": "failed"}, run.out
    assert {title for title in project.artefacts() if "second" in title} == set()
    assert [outcome["id"] for outcome in project.report()["outcomes"]] == ["first"]
