"""Workers: the same outcomes however many there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Planted
from tests.plugin.project import Project, without_times


@pytest.mark.parametrize(("workers", "threads"), [pytest.param("1", "", marks=pytest.mark.slow), ("2", "4")])
def test_outcomes_do_not_depend_on_the_number_of_workers_nor_threads(
    planted: Planted, tmp_path: Path, workers: str, threads: str
) -> None:
    project = Project(tmp_path / "project")
    project.spec("planted")
    project.spec("broken")
    data = str(planted.root / "no-data")
    run = project.pytest("-n", workers, QAML_DATA=data, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
    assert run.outcomes == planted.first.outcomes
    assert without_times(project.report()) == without_times(planted.outcomes)
    assert project.made_at().keys() == planted.made_at().keys()
    media = {path.name: path.read_bytes() for path in (project.root / "reports/latest/media").iterdir()}
    assert media == {path.name: path.read_bytes() for path in (planted.root / "reports/latest/media").iterdir()}
