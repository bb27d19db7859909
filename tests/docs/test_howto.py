"""What the how-to guides show: commands exist, specs load, and files are those of the example package."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from reference.options import declared
from typer.main import get_command

from qaml.cli import app
from tests.docs.fences import DOCS, Fence, fences, name, pages
from tests.plugin.project import Project
from tests.plugin.test_third_party import PACKAGE, install
from tests.plugin.test_third_party import declared as entry_points

HOWTO = sorted((DOCS / "howto").glob("*.md"))
COMMANDS = [
    (page, line)
    for page in pages()
    for fence in fences(page)
    if fence.language == "sh"
    for line in fence.text.splitlines()
    if line.startswith("qaml ")
]
SPECS = [(page, fence) for page in HOWTO for fence in fences(page) if fence.text.startswith("suite:")]
ATTACK = fences(DOCS / "howto" / "attack.md")
METRIC = fences(DOCS / "howto" / "metric.md")
DATA = fences(DOCS / "howto" / "your-data.md")
OWN = fences(DOCS / "howto" / "your-model.md")
CIRCUIT = fences(DOCS / "howto" / "your-qnode.md")


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=lambda value: value if isinstance(value, str) else value.stem)
def test_commands_can_be_typed(page: Path, line: str) -> None:
    words = shlex.split(line.partition("|")[0].partition("#")[0])[1:]
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"{name(page)}: no such command"
        command = command.commands[words.pop(0)]
    command.make_context("qaml", list(words))


@pytest.mark.parametrize("page", pages(), ids=name)
def test_options_of_pytest_exist(page: Path) -> None:
    named = set(re.findall(r"--qaml-[a-z]+", page.read_text("utf-8")))
    assert named <= {option.name for option in declared().options.values()}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the example package installed, and a user's models and circuits."""
    project = Project(tmp_path / "project")
    site = project.root / "site"
    shutil.copytree(PACKAGE / "qaml_example", site / "qaml_example")
    install(site, "qaml-example", entry_points())
    for page, module in ((OWN, "my_models"), (CIRCUIT, "my_circuits")):
        (site / f"{module}.py").write_text(next(f.text for f in page if f.text.startswith(f"# {module}.py")))
    project.environment |= {"PYTHONPATH": str(site), "QAML_TRUSTED_MODULES": "my_models, my_circuits, my.five"}
    return project


def test_specs_are_valid(project: Project) -> None:
    assert len(SPECS) >= 2
    for page, fence in SPECS:
        project.spec(page.stem, fence.text)
    done = project.qaml("validate", "specs")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("page", "module"), [(ATTACK, "darken"), (METRIC, "lost"), (DATA, "spirals")])
def test_the_part_is_the_example_packages(page: list[Fence], module: str) -> None:
    shown = {_file(fence): fence.text.partition("\n")[2] for fence in page if fence.text.startswith("# ")}
    assert (PACKAGE / "qaml_example" / f"{module}.py").read_text("utf-8") == shown[f"qaml_example/{module}.py"]
    assert shown["pyproject.toml"] in (PACKAGE / "pyproject.toml").read_text("utf-8")


@pytest.mark.slow
def test_the_attack_passes_the_checks(project: Project) -> None:
    (text,) = (fence.text for fence in ATTACK if _file(fence) == "test_darken.py")
    (project.root / "test_darken.py").write_text(text)
    run = project.pytest("test_darken.py")
    assert run.outcomes == {"test_darken": "passed"}, run.out


def _file(fence: Fence) -> str:
    return fence.text.partition("\n")[0].removeprefix("# ")
