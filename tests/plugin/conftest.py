"""Projects for the tests of the plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plugin.project import Project, Result


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)


class Planted(Project):
    """The planted suite and a broken one; ``first`` is the run that filled the store, ``outcomes`` what it reported."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.spec("planted")
        self.spec("broken")
        self.first: Result = self.pytest()
        self.outcomes: dict[str, Any] = self.report()


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The planted suite after one run: tests may run it again, and leave store and specs as they are."""
    return Planted(tmp_path_factory.mktemp("planted") / "project")
