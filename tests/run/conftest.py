"""A project measured once, for all tests of what is computed again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import qaml
from tests.plugin.project import Project

RBM, LINEAR = "small::rbm", "small::linear"
CHOSEN = ("-k", "rbm or linear")


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a copy of qaml of its own, after one run."""
    project = Project(tmp_path_factory.mktemp("measured") / "project")
    project.spec("small")
    copy = project.root / "lib" / "qaml"
    shutil.copytree(Path(qaml.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    project.environment["PYTHONPATH"] = str(copy.parent)
    assert project.pytest(*CHOSEN).outcomes == {RBM: "passed", LINEAR: "passed"}
    return project
