"""Options, their ini twins, and wrong values: refused before anything is collected."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from tests.plugin.conftest import Planted
from tests.plugin.project import Project

PROFILES = """
suite: scales
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 100, test: 40}]}
models:
  linear: {kind: linear, dataset: digits, training: {epochs: 1}}
evaluation: {seeds: 1}
claims:
  - id: a
    statement: It is better than nothing.
    kind: bound
    metric: clean_accuracy
    of: {model: linear}
    at_least: 0
  - id: b
    statement: It is perfect.
    kind: bound
    metric: clean_accuracy
    of: {model: linear}
    at_least: 0.15
    at_most: 0.2
profiles:
  standard: {evaluation: {seeds: 2}}
"""


def ini(project: Project, **settings: str) -> None:
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (project.root / "pytest.ini").write_text(f"[pytest]\n{lines}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--qaml-profile", "fast"), "--qaml-profile: expected one of quick, standard, paper, got 'fast'"),
        (("--qaml-seeds", "9" * 5000), f"--qaml-seeds: expected a positive number, got '{'9' * 40}'"),
        (("--qaml-seeds", "two"), "--qaml-seeds: expected a positive number, got 'two'"),
        (("--qaml-seeds", "²"), "--qaml-seeds: expected a positive number, got '²'"),
        (("--qaml-device", "abacus"), "--qaml-device: expected one of cpu, cuda, got 'abacus'"),
        (("--qaml-device", "cuda"), "finds no CUDA device here"),
        (("-n", "1", "--qaml-device", "cuda"), "finds no CUDA device here"),
        (("--qaml-spec", "nowhere.yaml"), "--qaml-spec: no such file or folder: nowhere.yaml"),
        (("--qaml-store", "pytest.ini"), "a file has the folder's name: name another with --qaml-store"),
        (("-n", "2", "--qaml-profile", "fast"), "--qaml-profile: expected one of quick, standard, paper, got 'fast'"),
        (("--qaml-stroe", "x"), "unrecognized arguments: --qaml-stroe"),
    ],
)
def test_wrong_values_are_usage_errors(project: Project, arguments: tuple[str, ...], message: str) -> None:
    ini(project)
    project.spec("small")
    run = project.pytest(*arguments, CUDA_VISIBLE_DEVICES="")
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert run.out.count(message) == 1
    assert "Traceback" not in run.out
    assert run.tests == {}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("qaml_profile", "fast", "--qaml-profile: expected one of quick, standard, paper, got 'fast'"),
        ("qaml_seeds", "-1", "--qaml-seeds: expected a positive number, got '-1'"),
        ("qaml_strict_hardware", "maybe", "qaml_strict_hardware: expected true or false: invalid truth value 'maybe'"),
    ],
)
def test_wrong_values_in_the_ini_file(project: Project, name: str, value: str, message: str) -> None:
    ini(project, **{name: value})
    run = project.pytest()
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert message in run.out


def test_every_option_has_a_twin_in_the_ini_file(planted: Planted, project: Project) -> None:
    (project.root / "elsewhere").mkdir()
    shutil.copy(planted.root / "specs" / "planted.yaml", project.root / "elsewhere" / "planted.yml")
    shutil.copytree(planted.store, project.root / "kept")
    settings = {"profile": "standard", "spec": "elsewhere", "store": "kept", "report": "pages", "seeds": "2"}
    ini(project, **{f"qaml_{name}": value for name, value in settings.items()}, qaml_device="cpu")
    chosen = ("-k", "planted::right and not unexpectedly")
    run = project.pytest(*chosen)
    assert run.outcomes == {"planted::right": "passed"}
    assert not (project.root / ".qaml").exists()
    assert project.report("pages")["profile"] == "standard"
    (outcome,) = project.report("pages")["outcomes"]
    assert (outcome["spec_file"], outcome["provenance"]["seeds"]) == ("planted.yml", {"linear": 2})
    assert outcome["replay"].endswith("--report reports/replay --store kept --seeds 2")

    # the command line wins
    again = project.pytest(*chosen, "--qaml-seeds", "1", "--qaml-report", "other", "--qaml-profile", "paper")
    assert again.outcomes == {"planted::right": "passed"}
    assert project.report("other")["profile"] == "paper"
    assert project.report("other")["outcomes"][0]["provenance"]["seeds"] == {"linear": 1}


def test_strict_in_the_ini_file(planted: Planted, tmp_path: Path) -> None:
    file = tmp_path / "strict.ini"
    file.write_text("[pytest]\nqaml_strict = true\n")
    run = planted.pytest("-c", str(file), f"--rootdir={planted.root}", "-k", "undecided")
    assert run.outcomes == {"planted::undecided": "failed"}


def test_paths_on_the_command_line_start_where_it_was_typed(planted: Planted, tmp_path: Path) -> None:
    shutil.copytree(planted.store, tmp_path / "below" / "store")
    arguments = [str(planted.root / "test_claims.py"), f"--rootdir={planted.root}", "--qaml-store=store"]
    arguments += ["--qaml-report=report", "-k", "planted::right and not unexpectedly", "-p", "no:cacheprovider"]
    arguments += [f"--qaml-spec={os.path.relpath(planted.root / 'specs', tmp_path / 'below')}"]
    run = planted.python("-c", f"import os, pytest; os.chdir({str(tmp_path / 'below')!r}); pytest.main({arguments!r})")
    assert "1 passed" in run.stdout
    assert (tmp_path / "below" / "report" / "index.html").is_file()


def test_a_report_that_cannot_be_written_fails_the_run_and_loses_nothing(planted: Planted, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = tmp_path / "store"
    shutil.copytree(planted.store, store)
    before = sorted(store.glob("artefacts/*/*"))
    chosen = ("-k", "planted::right and not unexpectedly", f"--qaml-store={store}")
    run = planted.pytest(*chosen, f"--qaml-report={tmp_path / 'file' / 'report'}")
    assert run.outcomes == {"planted::right": "passed"}
    assert "the report could not be written: cannot write the report folder" in run.out
    assert "or name another with --qaml-report" in run.out
    assert run.code == pytest.ExitCode.TESTS_FAILED
    assert sorted(store.glob("artefacts/*/*")) == before
    assert planted.pytest(*chosen, f"--qaml-report={tmp_path / 'report'}").code == 0
    assert (tmp_path / "report" / "index.html").is_file()


def test_a_run_that_cannot_be_remembered_has_its_report(planted: Planted, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(planted.store, store)
    shutil.rmtree(store / "history", ignore_errors=True)
    (store / "history").write_text("in the way")
    chosen = ("-k", "planted::right and not unexpectedly", f"--qaml-store={store}")
    run = planted.pytest(*chosen, f"--qaml-report={tmp_path / 'report'}")
    assert run.code == pytest.ExitCode.TESTS_FAILED
    assert "note: " in run.out
    assert "cannot be read: Not a directory" in run.out
    assert "the report could not be written" not in run.out
    assert f"cannot write {store / 'history'}" in run.out
    assert (tmp_path / "report" / "index.html").is_file()


def test_a_default_store_that_cannot_be_made_is_an_error_of_each_claim(project: Project) -> None:
    project.spec("scales", PROFILES)
    (project.root / ".qaml").write_text("in the way")
    run = project.pytest()
    assert run.outcomes == {"scales::a": "error", "scales::b": "error"}
    assert "cannot write the artefact store" in run.text("scales::a")
    assert "name another with --qaml-store" in run.text("scales::a")
    assert "Traceback" not in run.out


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for the superuser")
def test_a_read_only_store(project: Project) -> None:
    project.spec("scales", PROFILES)
    (project.root / "kept").mkdir(mode=0o500)
    run = project.pytest("--qaml-store", "kept")
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "name a folder that you may write with --qaml-store" in run.out


def test_a_baseline_that_cannot_be_used_ends_the_run_before_it_begins(planted: Planted, tmp_path: Path) -> None:
    saved = planted.qaml("baseline", "save", str(tmp_path / "quick.json"), "specs/planted.yaml")
    assert saved.returncode == 0, saved.stderr
    (tmp_path / "other.yaml").write_text(PROFILES)
    given = ("--qaml-spec", "specs/planted.yaml", "--qaml-baseline", str(tmp_path / "quick.json"))
    for wrong, message in {
        ("--qaml-profile", "standard"): "is of profile quick, the run of standard\n  hint: --qaml-profile quick, or a",
        ("--qaml-seeds", "1"): "is of 2 training runs a model, and one run does not show how much they differ",
        ("--qaml-spec", str(tmp_path / "other.yaml")): "is of suite planted, and the specs are of suite scales",
    }.items():
        run = planted.pytest(*(wrong if "--qaml-spec" in wrong else given[:2]), *given[2:], *wrong[:2])
        assert run.code == pytest.ExitCode.USAGE_ERROR
        assert message in run.out
        assert "Traceback" not in run.out
        assert run.tests == {}


def test_a_replayed_claim_is_the_same_and_the_only_one(planted: Planted, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", QAML_DATA=str(planted.root / "no-data"))
    project.spec("planted")
    shutil.copytree(planted.store, project.root / "kept")
    ini(project, qaml_store="kept", qaml_seeds="3")
    run = project.pytest("--qaml-seeds", "2", "--qaml-strict", "--qaml-claim", "right")
    assert run.code == 0
    (outcome,) = project.report()["outcomes"]
    command = shlex.split(outcome["replay"])
    expected = "--report reports/replay --store kept --seeds 2 --strict"
    assert command == shlex.split(f"qaml run specs/planted.yaml --claim planted::right --profile quick {expected}")
    again = project.qaml(*command[1:], "-n", "0")
    assert again.returncode == 0, again.stderr
    assert [o["provenance"]["seeds"] for o in project.report("reports/replay")["outcomes"]] == [{"linear": 2}]
