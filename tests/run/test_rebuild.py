"""What is computed again: what depends on a changed line, on damage, or on being asked to; and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import qaml
from tests.plugin.project import Project

RBM, LINEAR = "small::rbm", "small::linear"
CHOSEN = ("-k", "rbm or linear")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a copy of qaml of its own, after one run."""
    project = Project(tmp_path_factory.mktemp("measured") / "project")
    project.spec("small")
    copy = project.root / "lib" / "qaml"
    shutil.copytree(Path(qaml.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    project.environment["PYTHONPATH"] = str(copy.parent)
    assert project.pytest(*CHOSEN).outcomes == {RBM: "passed", LINEAR: "passed"}
    return project


@pytest.fixture
def project(measured: Project, tmp_path: Path) -> Project:
    """A copy of it that a test may change."""
    copy = Project(tmp_path / "project")
    shutil.copytree(measured.root, copy.root, dirs_exist_ok=True)
    copy.environment["PYTHONPATH"] = str(copy.root / "lib")
    return copy


def rebuilt(project: Project, *arguments: str) -> set[str]:
    """Run again; the titles of the artefacts made in this run."""
    before = made_at(project)
    run = project.pytest(*CHOSEN, *arguments)
    assert run.outcomes == {RBM: "passed", LINEAR: "passed"}, run.out
    new = [manifest for manifest, time in made_at(project).items() if before.get(manifest) != time]
    return {json.loads(manifest.read_text())["provenance"]["title"] for manifest in new}


def made_at(project: Project) -> dict[Path, int]:
    return {manifest: manifest.stat().st_mtime_ns for manifest in project.store.glob("artefacts/*/*/manifest.json")}


def edit(project: Project, file: str, old: str, new: str) -> None:
    path = project.root / "lib" / "qaml" / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_nothing_changed_nothing_rebuilt(project: Project) -> None:
    assert rebuilt(project) == set()


def test_a_changed_line_rebuilds_what_depends_on_it(project: Project) -> None:
    edit(project, "models/rbm/network.py", "import torch\n", "import torch\n\nUNUSED = 1\n")
    assert rebuilt(project) == {
        "train rbm, seed 0",
        "attack rbm with fgsm, seed 0",
        "evaluate rbm on clean images",
        "evaluate rbm on rbm with fgsm, seed 0",
        "pictures of rbm under fgsm",
        "judge rbm",
    }


def test_a_changed_comment_rebuilds_nothing(project: Project) -> None:
    edit(project, "models/rbm/network.py", "import torch\n", "import torch  # the library\n\n# nothing else\n")
    assert rebuilt(project) == set()


def test_a_damaged_artefact_is_noticed_where_it_is_read(project: Project) -> None:
    artefacts = project.artefacts()
    weights = artefacts["train linear, seed 0"] / "weights.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[: len(good) // 2])
    shutil.rmtree(artefacts["evaluate linear on clean images"])
    shutil.rmtree(artefacts["judge linear"])
    assert rebuilt(project) == {"train linear, seed 0", "evaluate linear on clean images", "judge linear"}
    assert weights.read_bytes() == good


def test_a_damaged_outcome_is_judged_again(project: Project) -> None:
    outcome = project.artefacts()["judge linear"] / "outcome.json"
    outcome.write_text(outcome.read_text().replace('"supported"', '"refuted"', 1))
    assert rebuilt(project) == {"judge linear"}


def test_lost_and_damaged_pictures_are_made_again(project: Project) -> None:
    artefacts = project.artefacts()
    shutil.rmtree(artefacts["pictures of linear under fgsm"])
    picture = next(artefacts["pictures of rbm under fgsm"].glob("*.png"))
    picture.write_bytes(picture.read_bytes()[:50])
    assert rebuilt(project) == {"pictures of linear under fgsm", "pictures of rbm under fgsm"}
    assert "the report could not be written" not in project.pytest(*CHOSEN).out


def test_a_damaged_manifest_behind_a_cached_claim_hurts_nobody(project: Project) -> None:
    (project.artefacts()["train rbm, seed 0"] / "manifest.json").write_text("{")
    run = project.pytest(*CHOSEN)
    assert run.code == 0
    assert "report: reports/latest/index.html" in run.out


@pytest.mark.slow
@pytest.mark.parametrize("how", ["option", "ini"])
def test_refreshing_computes_everything_again(project: Project, how: str) -> None:
    everything = set(project.artefacts())
    if how == "ini":
        (project.root / "pytest.ini").write_text("[pytest]\nqaml_refresh = true\n")
    assert rebuilt(project, *(["--qaml-refresh"] if how == "option" else [])) == everything


def test_a_cached_run_imports_nothing_heavy_and_draws_the_report(project: Project) -> None:
    shutil.rmtree(project.root / "reports")
    (project.root / "conftest.py").write_text(
        "import sys\n\n\n"
        "def pytest_unconfigure():\n"
        "    heavy = 'torch pennylane foolbox dwave dimod sklearn scipy numba matplotlib'.split()\n"
        "    print('heavy:', [name for name in heavy if name in sys.modules])\n"
    )
    run = project.pytest(*CHOSEN)
    assert run.code == 0
    assert "heavy: []" in run.out
    assert (project.root / "reports" / "latest" / "index.html").exists()
