"""The command line: what it prints, and 0, 1 or 2."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from qaml import __version__
from qaml.cli import app
from qaml.spec.shipped import shipped
from tests.plugin.project import SPECS, Project


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after ``qaml run`` of one claim that is right and one that is wrong."""
    project = Project(tmp_path_factory.mktemp("cli") / "project")
    text = (SPECS / "small.yaml").read_text()
    wrong = text[text.index('  - id: "{model}"') :].replace('"{model}"\n', "linear-is-perfect\n", 1)
    wrong = wrong.replace("    for: {model: [rbm, convnet, resnet18, linear]}\n", "").replace(
        "at_least: 0", "at_least: 1"
    )
    project.spec("small", text + wrong.replace("{model}", "linear").replace('"linear"', "linear"))
    done = project.qaml("run", "--claim", "linear*", "-n", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    return project


@pytest.fixture
def project(measured: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(measured.root)
    return measured


def qaml(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_run_writes_a_report_and_fails_where_a_claim_fails(project: Project) -> None:
    outcomes = {outcome["id"]: outcome["verdict"] for outcome in project.report()["outcomes"]}
    assert outcomes == {"linear": "supported", "linear-is-perfect": "refuted"}
    assert (project.root / "reports/latest/index.html").is_file()


def test_run_succeeds_where_no_claim_fails(project: Project) -> None:
    done = project.qaml("run", "specs", "-n", "0", "--claim", "linear", "--report", "good")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert [outcome["id"] for outcome in project.report("good")["outcomes"]] == ["linear"]


def test_run_works_where_qaml_is_on_the_path_of_python(project: Project) -> None:
    checkout = str(Path(__file__).parent.parent)
    done = project.qaml("run", "-n", "0", "--claim", "linear", "--report", "good", PYTHONPATH=checkout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--profile", "fast"), "unknown profile 'fast'\n  hint: one of quick, standard, paper"),
        (("--claim", "nothing-has-this-name"), "--qaml-claim: no claim is named nothing-has-this-name"),
        (("nowhere.yaml",), "--qaml-spec: no such file or folder"),
        (("kehoe2012",), "kehoe2012\n  hint: did you mean 'kehoe2021'?"),
        (("--seeds", "0"), "Invalid value for"),
    ],
)
def test_run_refuses_bad_input(project: Project, arguments: tuple[str, ...], message: str) -> None:
    done = project.qaml("run", "-n", "0", *arguments)
    assert done.returncode == 2
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.usefixtures("project")
def test_validate() -> None:
    result = qaml("validate")
    assert result.exit_code == 0
    assert result.output == "".join(
        f"specs/small.yaml: 5 claims at {name}\n" for name in ("quick", "standard", "paper")
    )
    assert qaml("validate", "specs/small.yaml", "--profile", "quick").output.count("\n") == 1


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("validate", "nowhere"), "nowhere:1:1: no such file or folder"),
        (("validate", "--profile", "fast"), "unknown profile 'fast'\n  hint: one of quick, standard, paper"),
        (("list", "nowhere"), "nowhere:1:1: no such file or folder"),
        (("plan", "smal"), "smal:1:1: no such file or folder\n  hint: did you mean 'small'?"),
        (("plan", "--profile", "fast"), "unknown profile 'fast'"),
        (("plan", "--store", "test_claims.py"), "a file has the folder's name"),
        (("report", "nowhere"), "nowhere"),
        (("store", "size", "--store", "test_claims.py"), "a file has the folder's name"),
        (("store", "prune", "nowhere"), "nowhere:1:1: no such file or folder"),
        (("frobnicate",), "No such command"),
    ],
)
def test_bad_input_is_told_in_words_with_exit_code_2(arguments: tuple[str, ...], message: str) -> None:
    result = qaml(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert result.stdout == ""


def test_a_broken_spec_stops_every_command_that_needs_all(project: Project) -> None:
    shutil.copy(SPECS / "broken.yaml", project.root / "broken.yaml")
    for command in ("validate", "list", "plan"):
        result = qaml(command, "broken.yaml")
        assert result.exit_code == 2
        assert result.output.count("unknown claim kind 'bonud'") == 1


@pytest.mark.usefixtures("project")
def test_list() -> None:
    result = qaml("list")
    assert result.exit_code == 0
    assert result.output.startswith("small::rbm\n    The rbm keeps something under FGSM.\n")
    assert "small::linear-is-perfect\n" in result.output


def test_run_in_an_empty_folder_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = qaml("run")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.output.startswith("specs:1:1: no such file or folder\n  hint: 'qaml init' begins a project; shipped")


def test_list_tells_of_shipped_suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = qaml("list").output.splitlines()
    assert lines[0] == "shipped with qaml ('qaml list NAME' shows the claims of one, 'qaml run NAME' runs them):"
    assert [line.partition(":")[0] for line in lines[1::2]] == ["huang2023", "kehoe2021", "west2022"]
    (tmp_path / "specs").mkdir()
    shutil.copy(shipped()["west2022"], tmp_path / "specs")
    lines = qaml("list").output.splitlines()
    assert [line.partition(":")[0] for line in lines[-4::2]] == ["huang2023", "kehoe2021"], "one of them is the user's"


@pytest.mark.usefixtures("project")
def test_plan_shows_what_is_cached_and_what_is_to_do() -> None:
    lines = qaml("plan").output.splitlines()
    states = {" ".join(line.split()[1:4] if line.startswith("cached") else line.split()[2:5]): line for line in lines}
    assert states["train linear, seed"].startswith("cached")
    assert states["train rbm, seed"].startswith("to do")
    assert re.search(r" to do: about \S.* on 1 core", lines[-1]), lines[-1]
    assert qaml("plan", "--store", "another").output.count("cached") == 0


def test_report_renders_again_and_merges(project: Project) -> None:
    before = project.report()
    page = project.root / "reports/latest/index.html"
    page.unlink()
    assert qaml("report").exit_code == 0
    assert page.is_file()
    assert project.report() == before
    result = qaml(
        "report", "reports/latest", "reports/latest/outcomes.json", "--output", "merged", "--publish", "packed"
    )
    assert result.exit_code == 0
    assert "report: merged/index.html" in result.output
    assert "published: packed/summary.md" in result.output
    assert qaml("report", "packed", "--output", "again").exit_code == 0
    assert qaml("compare", "packed", "again").output.endswith("2 alike\n")
    for name in ("merged", "again"):
        assert project.report(name)["outcomes"] == before["outcomes"]


def test_schema_is_the_one_beside_the_specs() -> None:
    result = qaml("schema")
    assert result.exit_code == 0
    committed = Path(__file__).parent.parent / "specs" / "schema" / "suite.json"
    assert json.loads(result.output) == json.loads(committed.read_text())


def test_size_and_prune(project: Project, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(project.store, store)
    count = len(list(store.glob("artefacts/*/*")))
    size = qaml("store", "size", "--store", str(store))
    assert size.exit_code == 0
    assert size.output.splitlines()[-1].split()[:2] == ["all", str(count)]

    # everything in it is needed
    kept = qaml("store", "prune", "--store", str(store))
    assert kept.output.startswith("deleted 0 artefacts")
    text = (project.root / "specs/small.yaml").read_text()
    (tmp_path / "other.yaml").write_text(text.replace("lr: 1e-2", "lr: 2e-2"))
    young = qaml("store", "prune", str(tmp_path / "other.yaml"), "--store", str(store), "--days", "1")
    assert young.output.startswith("deleted 0 artefacts")
    dry = qaml("store", "prune", str(tmp_path / "other.yaml"), "--store", str(store), "--dry-run")
    assert dry.output.startswith("would delete ")
    assert len(list(store.glob("artefacts/*/*"))) == count
    stale = qaml("store", "prune", str(tmp_path / "other.yaml"), "--store", str(store))
    deleted = int(stale.output.split()[1])
    assert 0 < deleted < count  # the dataset is the same
    assert dry.output.split()[2] == str(deleted)
    assert len(list(store.glob("artefacts/*/*"))) == count - deleted
    rest = qaml("store", "prune", "--all", "--store", str(store))
    assert rest.output.startswith(f"deleted {count - deleted} artefacts")
    assert rest.exit_code == 0


def test_what_only_looks_changes_nothing(project: Project, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(project.store, store)

    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in [store, *store.rglob("*")]}

    before = state()
    cached = qaml("plan", "--store", str(store))
    assert "cached" in cached.output
    assert "cached" not in qaml("plan", "--store", str(store), "--strict-hardware").output
    looks = (("list",), *((*command, "--store") for command in (("history",), ("store", "size"), ("plan",))))
    for look in looks:
        for place in (store, tmp_path / "none"):
            assert qaml(*look, *([str(place)] if "--store" in look else [])).exit_code == 0
    assert state() == before
    assert not (tmp_path / "none").exists()


def test_the_version_is_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qaml.cli.check_installation", lambda: pytest.fail("asked for nothing but the version"))
    result = qaml("--version")
    assert (result.exit_code, result.stdout) == (0, f"qaml {__version__}\n")


def test_without_arguments_the_commands_are_shown() -> None:
    result = qaml()
    assert result.exit_code in (0, 2)  # click changed its mind about it
    for command in ("validate", "list", "plan", "run", "report", "schema", "store"):
        assert f" {command} " in result.output


def test_lines_of_the_ini_file_hold_for_every_command(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project.root / "specs", tmp_path / "papers")
    shutil.copytree(project.store, tmp_path / "kept")
    shutil.copytree(project.root / "reports", tmp_path / "pages")
    lines = 'qaml_spec = ["papers"]\nqaml_store = "kept"\nqaml_report = "pages/latest"\nqaml_profile = "%s"\n'
    strangers = 'addopts = "--cov --strict-config"\nrequired_plugins = ["pytest-nothing"]\nfilterwarnings = ["error"]\n'
    ini = tmp_path / "pyproject.toml"
    ini.write_text("[tool.pytest.ini_options]\n" + strangers + lines % "quick")
    (tmp_path / "conftest.py").write_text("raise SystemExit('nobody asked for tests')\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense")
    assert qaml("list").output.startswith("small::rbm\n")
    assert "5 claims at quick" in qaml("validate").output
    assert "cached" in qaml("plan").output
    assert "train linear, seed 1" not in qaml("plan").output
    assert qaml("store", "size").output.count("\n") > 3
    assert qaml("history").exit_code == 0
    assert "latest/index.html" in qaml("report").output
    assert qaml("store", "prune", "--dry-run").output.startswith("would delete 0 artefacts")
    assert sorted(path.name for path in (tmp_path / "below").iterdir()) == []
    ini.write_text("[tool.pytest.ini_options]\n" + lines % "quick" + 'qaml_seeds = "2"\n')
    assert "train linear, seed 1" in qaml("plan").output
    ini.write_text("[tool.pytest.ini_options]\n" + lines % "fast")
    refused = qaml("list")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--qaml-profile: expected one of quick, standard, paper, got 'fast'" in refused.output
    ini.write_text("[tool.pytest.ini_options\n")
    assert qaml("plan").exit_code == 2


def test_run_reads_the_ini_file_and_needs_no_plugin_of_the_project(project: Project) -> None:
    ini = project.root / "pytest.ini"
    ini.write_text("[pytest]\naddopts = --cov\nqaml_report = pages\nqaml_claim = small::linear\n")
    done = project.qaml("run", "-n", "0")
    ini.unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [outcome["id"] for outcome in project.report("pages")["outcomes"]] == ["linear"]
