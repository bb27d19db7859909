"""Choosing claims with pytest's own means, and the records that other tools read."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Planted
from tests.plugin.project import Project

COLLECT = ("--collect-only", "-q")
RIGHT_AND_OTHER = ["other::quick-only", "planted::right", "planted::right-unexpectedly"]
OTHER = """
suite: other
models:
  linear: {kind: linear, dataset: moons, training: {epochs: 20, lr: 0.05, batch: 32}}
datasets:
  moons: {kind: moons}
claims:
  - id: quick-only
    statement: A claim of another suite.
    kind: bound
    metric: clean_accuracy
    of: {model: linear}
    at_least: 0.3
"""


def collected(project: Project, *arguments: str) -> list[str]:
    lines = project.pytest(*COLLECT, *arguments).out.splitlines()
    return [line.partition("[")[2][:-1] for line in lines if "::test_claim[" in line]


@pytest.fixture
def two(project: Project) -> Project:
    project.spec("planted")
    project.spec("other", OTHER)
    return project


def test_collecting_runs_nothing(two: Project) -> None:
    assert len(collected(two)) == 11
    assert not two.store.exists()
    assert not (two.root / "reports").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-m", "qaml(suite='other')"), ["other::quick-only"]),
        (("-m", "qaml(suite='other', profile='quick')"), ["other::quick-only"]),
        (("-m", "qaml(profile='paper')"), []),
        (("-m", "qaml(cost='light')", "-k", "masked"), ["planted::masked-gradients"]),
        (("-m", "qaml(id='planted::right')"), ["planted::right"]),
        (("-k", "cost or suite or profile or light or level"), []),
        (("--qaml-claim", "planted::right"), ["planted::right"]),
        (("--qaml-claim", "right"), ["planted::right"]),
        (("--qaml-claim", "other::*", "--qaml-claim", "planted::right*"), RIGHT_AND_OTHER),
        (("-k", "other:: or undecided"), ["other::quick-only", "planted::undecided"]),
        (("test_claims.py::test_claim[planted::wrong]",), ["planted::wrong"]),
        (("--strict-markers", "-k", "quick-only"), ["other::quick-only"]),
        (("--qaml-spec", "specs/other.yaml"), ["other::quick-only"]),
    ],
)
def test_selecting(two: Project, arguments: tuple[str, ...], expected: list[str]) -> None:
    assert collected(two, *arguments) == expected


def test_a_name_that_no_claim_has_is_a_usage_error(two: Project) -> None:
    run = two.pytest("--qaml-claim", "planted::rihgt")
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "--qaml-claim: no claim is named planted::rihgt\n  hint: did you mean planted::right" in run.out


def test_the_last_failed_ones_again(planted: Planted) -> None:
    planted.pytest("-k", "right or undecided")
    again = planted.pytest("--lf", "-k", "right or undecided")
    assert again.outcomes == {"planted::right-unexpectedly": "failed"}


def test_junit_properties_hold_the_numbers(planted: Planted) -> None:
    found = dict(planted.first.properties["planted::wrong"])
    estimate = planted.outcomes["outcomes"][1]["measured"][0]["estimate"]
    assert float(found["qaml.value"]) == estimate["value"]
    assert float(found["qaml.low"]) == estimate["low"]
    assert found["qaml.verdict"] == "refuted"
    assert found["qaml.seeds"] == "2"
    assert found["qaml.spec"] == "planted.yaml:27"
    assert "cannot_reach_epsilon" in planted.first.properties["planted::short-attack"]["qaml.findings"]


def test_a_project_without_claims_is_left_alone(project: Project) -> None:
    (project.root / "test_claims.py").write_text("def test_something():\n    pass\n")
    run = project.pytest("-W", "error")
    assert run.outcomes == {"test_something": "passed"}
    assert "= claims =" not in run.out
    assert not (project.root / ".qaml").exists()
