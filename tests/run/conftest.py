"""A project measured once, for all tests of what is computed again."""

from __future__ import annotations

import pytest

from tests.plugin.project import Project

RBM, LINEAR = "small::rbm", "small::linear"
CHOSEN = ("-k", "rbm or linear")


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after one run."""
    project = Project(tmp_path_factory.mktemp("measured") / "project")
    project.spec("small")
    assert project.pytest(*CHOSEN).outcomes == {RBM: "passed", LINEAR: "passed"}
    return project
