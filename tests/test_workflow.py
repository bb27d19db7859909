"""The example of a GitHub workflow: valid by the published schema, and its commands do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.gate.test_gate import SPEC, qaml
from tests.plugin.project import Project

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / ".github/workflows/robustness.yml"


def steps() -> dict[str, dict[str, Any]]:
    job = YAML(typ="safe").load(WORKFLOW)["jobs"]["claims"]
    return {step.get("name", step.get("uses")): step for step in job["steps"]}


def test_workflows_are_valid_by_the_published_schema() -> None:
    files = map(str, sorted(WORKFLOW.parent.glob("*.yml")))
    arguments = ["--builtin-schema", "vendor.github-workflows", *files]
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_keeps_what_runs_leave() -> None:
    kept = steps()
    assert kept["Keep results between runs"]["with"]["path"] == ".qaml/store"
    assert "reports/latest" in kept["Keep the report"]["with"]["path"]
    assert kept["Keep the report"]["if"] == "always()"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_its_commands_run(tmp_path: Path) -> None:
    """In a project of one small claim, with this Python where make would install one."""
    project = Project(tmp_path / "project")
    project.spec("gated", SPEC.replace("seeds: 3", "seeds: 1").replace("images: 200", "images: 50"))
    (project.root / "benchmarks").mkdir()
    (project.root / "test_claims.py").rename(project.root / "benchmarks/test_claims.py")
    shutil.copy(ROOT / "Makefile", project.root)
    for name in ("pyproject.toml", "constraints.txt"):
        (project.root / name).touch()
    scripts = project.root / ".venv/bin"
    scripts.mkdir(parents=True)
    for name, module in {"qaml": "qaml.cli", "pytest": "pytest"}.items():
        (scripts / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (scripts / name).chmod(0o755)
    (project.root / ".venv/.ready").touch()
    environment = {**os.environ, "PROFILE": "quick", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment = {name: value for name, value in environment.items() if not name.startswith(("PYTEST_", "MAKE"))}

    def run(step: str) -> str:
        command = re.sub(r"-n auto", "-n 0", steps()[step]["run"])
        done = subprocess.run(
            ["bash", "-e", "-c", command], cwd=project.root, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "specs/gated.yaml: 1 claims at quick" in run("Check the specs")
    assert "report: reports/latest/index.html" in run("Verify the claims")
    saved = qaml(project, "baseline", "save", "baselines/quick.json")
    assert saved.exit_code == 0, saved.stderr
    assert "= 2 unchanged" in run("Verify the claims")
    assert (project.root / "reports/junit.xml").is_file()
