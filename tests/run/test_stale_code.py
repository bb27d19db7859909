"""A network of the user's reads helpers, files and variables: whatever of it changes, it is trained again."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import qaml
from tests.plugin.project import Project

NET = """
import importlib
import json
import os
import re
from pathlib import Path

from torch import nn

import helper
from package import sizes

HIDDEN = importlib.import_module("".join(["by", "_name"])).HIDDEN
TABLE = json.loads((Path(__file__).parent / "package" / "table.json").read_text())
MODE = os.environ.get("_".join(["NET", "MODE"]), "plain")
DEPTH = int(os.environ.get("NET_DEPTH", "1"))


def net():
    with open("local.txt") as file:
        width = int(file.read())
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
"""
FILES = {
    "net.py": NET,
    "helper.py": "WIDTH = 2\n",
    "by_name.py": "HIDDEN = 3\n",
    "package/__init__.py": "",
    "package/sizes.py": "SIZE = 4\n",
    "package/table.json": "[1, 2]",
    "local.txt": "8",
    "declared/list.csv": "1, 2\n",
    "unrelated.py": "X = 1\n",
}
SPEC = """
suite: stale
evaluation: {seeds: 2, images: 20}
diagnostics: {enabled: false}
datasets: {digits: {kind: digits}}
models:
  m:
    kind: torch_module
    factory: net:net
    dataset: digits
    reads: [declared, "env:NET_DECLARED"]
    training: {epochs: 1}
claims:
  - {id: c, statement: It reads., kind: bound, metric: clean_accuracy, of: {model: m}, at_least: 0.0}
"""
TRAINED = {"train m, seed 0", "train m, seed 1"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The suite after one run."""
    made = Project(tmp_path_factory.mktemp("stale") / "project")
    for name, text in FILES.items():
        (made.root / name).parent.mkdir(exist_ok=True)
        (made.root / name).write_text(text)
    made.environment["PYTHONPATH"] = os.pathsep.join([str(made.root), str(Path(qaml.__file__).parents[1])])
    made.environment["QAML_TRUSTED_MODULES"] = "net"
    made.spec("stale", SPEC)
    run = made.qaml("run", "-n", "0")
    assert run.returncode == 0, run.stdout + run.stderr
    return made


def to_do(project: Project, **environment: str) -> set[str]:
    """What would be computed now."""
    plan = project.qaml("plan", **environment).stdout
    return set(re.findall(r"^to do +(.+?)  +[0-9a-f]{12}", plan, re.MULTILINE))


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("net.py", "unrelated.py")])
def test_a_file_that_the_network_reads(project: Project, name: str) -> None:
    path = project.root / name
    changed = {".py": "\nCHANGED = 1\n", ".json": "\n", ".txt": "\n", ".csv": "3, 4\n"}[path.suffix]
    path.write_text(FILES[name] + changed)
    assert to_do(project) >= TRAINED
    path.write_text(FILES[name])
    assert to_do(project) == set(), "the same content again is what was there"


@pytest.mark.parametrize("variable", ["NET_DEPTH", "NET_MODE", "NET_DECLARED"])
def test_a_variable_that_the_network_reads(project: Project, variable: str) -> None:
    assert to_do(project, **{variable: "2"}) >= TRAINED


def test_what_it_does_not_read(project: Project) -> None:
    (project.root / "unrelated.py").write_text("X = 2\n")
    (project.root / "net.py").write_text(NET + "\n# a comment\n")
    assert to_do(project, NET_UNRELATED="1") == set()


def test_what_nobody_can_follow_is_said(project: Project) -> None:
    (outcome,) = project.report()["outcomes"]
    notes = [note for note in outcome["notes"] if note.startswith("net ")]
    assert notes == [
        "net imports modules by names that it computes: results are kept by what is declared of it in 'reads', "
        "and do not notice other changes",
        "net reads environment variables by names that it computes: results are kept by what is declared of it in "
        "'reads', and do not notice other changes",
    ]
    assert "note: net imports modules by names that it computes" in project.qaml("plan").stdout
