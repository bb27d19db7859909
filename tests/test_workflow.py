"""Workflows and the action: valid by the published schemas, and their commands do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from qaml import __version__
from tests.gate.test_gate import SPEC
from tests.plugin.project import Project

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"
INIT = ROOT / "qaml/project/templates/workflow.yml"
"""The workflow that ``qaml init`` writes, less the version."""


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def steps() -> dict[str, dict[str, Any]]:
    return {step["name"]: step for step in read(ACTION)["runs"]["steps"]}


@pytest.mark.parametrize("path", [*WORKFLOWS, INIT, ACTION], ids=lambda path: path.name)
def test_it_is_valid_by_the_published_schema(path: Path) -> None:
    schema = "vendor.github-actions" if path == ACTION else "vendor.github-workflows"
    arguments = ["--builtin-schema", schema, str(path)]
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*WORKFLOWS, INIT, ACTION], ids=lambda path: path.name)
def test_its_commands_are_shell(path: Path) -> None:
    content = read(path)
    jobs = content["jobs"].values() if path != ACTION else [content["runs"]]
    for step in (step for job in jobs for step in job["steps"] if "run" in step):
        assert "${{" not in step["run"], "what an expression gives would be run: name it in env"
        done = subprocess.run(["bash", "-n", "-c", step["run"]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for target in (word for job in jobs for step in job["steps"] for word in targets(step)):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), target


def targets(step: dict[str, Any]) -> list[str]:
    found: list[str] = re.findall(r"^make (\w+)", step.get("run", ""), re.MULTILINE)
    return found


def test_no_workflow_may_write_but_the_one_that_publishes_pages_or_a_release() -> None:
    for path in (*WORKFLOWS, INIT):
        assert read(path)["permissions"] == {"contents": "read"}, path.name


def test_a_run_that_fails_keeps_its_results_and_its_report() -> None:
    kept = steps()
    later = list(kept)[list(kept).index("Verify the claims") + 1 :]
    assert [kept[name]["if"] for name in later] == ["always()"] * len(later)
    saved, restored = kept["Keep results, also those of a run that failed"], kept["Restore results"]
    assert saved["with"] == {name: restored["with"][name] for name in ("path", "key")}
    assert "run_attempt" in saved["with"]["key"]  # a key that exists already is not saved again
    assert saved["with"]["key"].startswith(restored["with"]["restore-keys"])
    assert "reports/latest" in kept["Keep the report"]["with"]["path"]


def test_pushes_are_held_against_a_baseline_that_is_there() -> None:
    claims = read(ROOT / ".github/workflows/robustness.yml")["jobs"]["claims"]
    (action,) = (step for step in claims["steps"] if step.get("uses") == "./")
    (file,) = re.findall(r"'(baselines/[^']+)'", action["with"]["baseline"])
    assert (ROOT / file).is_file()
    assert (ROOT / file).with_suffix(".npz").is_file()
    assert set(action["with"]) <= set(read(ACTION)["inputs"])


def test_the_workflow_of_a_new_project_uses_the_action_as_it_is() -> None:
    (action,) = (
        step for step in read(INIT)["jobs"]["claims"]["steps"] if step.get("uses", "").startswith("qaml-bench")
    )
    assert action["with"].keys() <= read(ACTION)["inputs"].keys()
    (guide,) = re.findall(r"uses: (qaml-bench/qaml@v\S+)", (ROOT / "docs/howto/gate.md").read_text(encoding="utf-8"))
    assert action["uses"].replace("@version@", __version__) == guide


def test_the_actions_commands_run(tmp_path: Path) -> None:
    """In a project of one small claim."""
    project = Project(tmp_path / "project")
    project.spec("gated", SPEC.replace("seeds: 3", "seeds: 1").replace("images: 200", "images: 50"))
    (project.root / "benchmarks").mkdir()
    (project.root / "test_claims.py").rename(project.root / "benchmarks/test_claims.py")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    given = {name: each["default"] for name, each in read(ACTION)["inputs"].items()} | {"python": sys.executable}

    def run(step: str, **changed: str) -> str:
        values = given | changed
        named = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found[1]], text)
            for name, text in steps()[step]["env"].items()
        }
        command = re.sub(r"-n auto", "-n 0", steps()[step]["run"])
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],
            cwd=project.root,
            env=environment | named,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "nothing was measured" in run("Offer a new baseline")
    assert "specs/gated.yaml: 1 claim at quick" in run("Check the specs")
    assert "report: reports/latest/index.html" in run("Verify the claims")
    run("Offer a new baseline")
    assert "= 2 unchanged" in run(
        "Verify the claims", baseline="reports/baseline/quick.json", arguments="--qaml-strict"
    )
    assert (project.root / "reports/junit.xml").is_file()
    assert "deleted 0 artefacts" in run("Cap the store")
    assert "deleted 0 artefacts" not in run("Cap the store", **{"store-mebibytes": "0"})
