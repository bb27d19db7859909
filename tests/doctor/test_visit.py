"""The command: foreign code in a process of its own, faults at their places, exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from qaml.cli import app
from qaml.doctor import examination
from qaml.doctor.examination import Places, examine, needed
from qaml.doctor.text import lines
from qaml.spec.load import load_suite, load_text
from qaml.spec.suite import Suite

SPEC = """\
suite: own
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 300, test: 100}]}
  wide: {kind: digits, transforms: [{kind: subset, train: 300, test: 100}, {kind: normalise, bounds: [0, 255]}]}
  unused: {kind: celeba}
models:
  linear: {kind: linear, dataset: digits}
  like: {extends: linear, defences: [{kind: gaussian_augmentation, sigma: 0.1}]}
  mine: {kind: torch_module, dataset: digits, factory: "tests.doctor.networks:Network"}
  wide: {kind: linear, dataset: wide}
  idle: {kind: linear, dataset: unused}
attacks:
  pgd: {kind: pgd, epsilon: 0.1}
claims:
  - id: "{model}"
    for: {model: [linear, like, mine, wide]}
    statement: It keeps something.
    kind: bound
    metric: robust_accuracy
    of: {model: "{model}", attack: pgd}
    at_least: 0.1
"""


def suite(**changes: str) -> Suite:
    text = SPEC
    for before, after in changes.items():
        text = text.replace(f":{before}", f":{after}")
    return load_text(text, "own.yaml", "quick")


def test_what_claims_need() -> None:
    need = needed(suite())
    assert need.datasets == ("digits", "wide")
    assert need.models == ("linear", "like", "mine", "wide")
    assert need.attacks == {"pgd": ("digits", "wide")}


@pytest.mark.parametrize(
    ("factory", "fault", "said"),
    [
        ("leaving", "code_ended", "its code called sys.exit(0), while the doctor looked at: building"),
        ("ending", "code_ended", "left Python with exit code 0, while the doctor looked at: building"),
        ("crashing", "code_ended", "ended with signal 6 (SIGABRT), while the doctor looked at: building"),
        ("hanging", "too_slow", "did not finish within 2 seconds, while the doctor looked at: building"),
        ("switching", "changes_process", "default dtype"),
    ],
)
def test_code_that_ends_or_hangs_is_a_fault(
    factory: str, fault: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "busyness", lambda: 1.0)
    entry, dataset = suite(Network=factory).models["mine"], suite().datasets["digits"]
    seconds = 2 if factory == "hanging" else 100
    found = examination._apart("model", "mine", examination._payload(entry, dataset), lambda _: None, seconds)
    assert [each.fault for each in found.chart.seen] == [fault]
    assert said in found.chart.seen[0].seen


def qaml(folder: Path, text: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    (folder / "own.yaml").write_text(text)
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, ["doctor", "own.yaml", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_faults_are_shown_at_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SPEC.replace(":Network", ":Softmax")
    result = qaml(tmp_path, text, monkeypatch=monkeypatch)
    assert result.exit_code == 1, result.output
    assert "own at quick: 2 datasets, 4 models, 1 attack; no claim needs unused, idle\n" in result.output
    assert "  sound    model linear: 650 weights" in result.output
    assert "  sound    model like: as linear\n" in result.output
    assert "  1 fault  model mine: 4,810 weights" in result.output
    assert "    own.yaml:9:3: models.mine: outputs_are_probabilities: every output row sums to one" in result.output
    assert "      remedy: return what goes into the softmax" in result.output
    assert (
        "    own.yaml:13:20: attacks.pgd.epsilon: budget_too_small: an epsilon of 0.1 in linf is next" in result.output
    )
    assert result.output.splitlines()[-1].startswith("2 faults in ")
    assert "a run from the start takes roughly" in result.output


def test_health_is_exit_code_0_and_records_are_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SPEC.replace("[linear, like, mine, wide]", "[linear]").replace(
        "epsilon: 0.1", "epsilon: 0.5, steps: 2, step: 0.1"
    )
    result = qaml(tmp_path, text, "--json", monkeypatch=monkeypatch)
    assert result.exit_code == 0, result.output
    records = json.loads(result.stdout)
    assert [(each["kind"], each["name"]) for each in records] == [
        ("dataset", "digits"),
        ("model", "linear"),
        ("attack", "pgd"),
    ]
    (note,) = records[2]["seen"]
    assert (note["fault"], note["gravity"], note["path"]) == ("budget_not_reached", "note", "attacks.pgd.steps")
    assert (note["file"], note["line"]) == ("own.yaml", 13)


def test_models_of_data_that_are_missing_are_not_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QAML_DATA", str(tmp_path))
    text = SPEC.replace("[linear, like, mine, wide]", "[idle, linear]")
    path = tmp_path / "own.yaml"
    path.write_text(text)
    suite = load_suite(path, "quick")
    found = {(each.kind, each.name): each for each in examine(suite)}
    assert [each.fault for each in found["dataset", "unused"].chart.seen] == ["data_unreadable"]
    idle = found["model", "idle"]
    assert not idle.chart.seen
    assert next(lines(idle, Places(suite))) == "  skipped  model idle: its dataset 'unused' cannot be used"
    assert found["model", "linear"].chart.facts[-1].startswith("learns")
