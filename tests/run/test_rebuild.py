"""What is computed again: what depends on a changed line, on damage, or on being asked to; and nothing else."""

from __future__ import annotations

import json
import shutil
from itertools import cycle, islice
from pathlib import Path

import pytest

import qaml
from qaml.files.refusals import remove
from qaml.run.store import Damaged, Store
from tests.plugin.project import Project, without_times
from tests.run.conftest import CHOSEN, LINEAR, RBM
from tests.run.damages import DAMAGES, OF_ANOTHER, sibling


@pytest.fixture
def project(measured: Project, tmp_path: Path) -> Project:
    """A copy of it that a test may change."""
    copy = Project(tmp_path / "project")
    shutil.copytree(measured.root, copy.root, dirs_exist_ok=True)
    return copy


@pytest.fixture
def changeable(project: Project) -> Project:
    """The same with a copy of qaml of its own."""
    lib = project.root / "lib"
    shutil.copytree(Path(qaml.__file__).parent, lib / "qaml")
    project.environment["PYTHONPATH"] = str(lib)
    return project


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


def test_only_what_was_selected_was_computed(project: Project) -> None:
    trained = {title for title in project.artefacts() if title.startswith("train")}
    assert trained == {"train rbm, seed 0", "train linear, seed 0"}


def test_nothing_changed_nothing_rebuilt_nothing_written(project: Project) -> None:
    report = project.root / "reports" / "latest"
    before = report.stat().st_ino
    assert rebuilt(project) == set()
    assert report.stat().st_ino == before


def test_what_is_deleted_before_the_report_is_made_again(project: Project) -> None:
    (project.root / "conftest.py").write_text(
        "import pathlib, shutil, pytest\n"
        "@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_sessionfinish():\n"
        "    shutil.rmtree(pathlib.Path('.qaml/store/artefacts'))\n"
    )
    before = without_times(project.report()["outcomes"])
    run = project.pytest(*CHOSEN)
    assert run.code == 0, run.out
    assert without_times(project.report()["outcomes"]) == before


def test_a_changed_line_rebuilds_what_depends_on_it(changeable: Project) -> None:
    edit(changeable, "models/rbm/network.py", "import torch\n", "import torch\n\nUNUSED = 1\n")
    assert rebuilt(changeable) == {
        "train rbm, seed 0",
        "attack rbm with fgsm, seed 0",
        "evaluate rbm on clean images, seed 0",
        "evaluate rbm on rbm with fgsm, seed 0",
        "pictures of rbm under fgsm",
        "judge rbm",
    }


def test_a_changed_comment_rebuilds_nothing(changeable: Project) -> None:
    edit(changeable, "models/rbm/network.py", "import torch\n", "import torch  # the library\n\n# nothing else\n")
    assert rebuilt(changeable) == set()


def test_damage_is_noticed_where_it_is_read_and_repaired(project: Project) -> None:
    artefacts = project.artefacts()
    weights = artefacts["train linear, seed 0"] / "weights.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[: len(good) // 2])
    outcome = artefacts["judge rbm"] / "outcome.json"
    outcome.write_text(outcome.read_text().replace('"supported"', '"refuted"', 1))
    picture = next(artefacts["pictures of rbm under fgsm"].glob("*.png"))
    picture.write_bytes(picture.read_bytes()[:50])
    for lost in ("evaluate linear on clean images, seed 0", "judge linear", "pictures of linear under fgsm"):
        shutil.rmtree(artefacts[lost])
    assert rebuilt(project) == {
        "train linear, seed 0",
        "evaluate linear on clean images, seed 0",
        "pictures of linear under fgsm",
        "judge linear",
        "pictures of rbm under fgsm",
        "judge rbm",
    }
    assert weights.read_bytes() == good
    assert rebuilt(project) == set()


def contents(store: Store, key: str) -> dict[str, bytes] | None:
    """Every file of an artefact, or nothing where its damage is noticed."""
    try:
        names = list(store.manifest(key).files)
        return {name: store.read(key, name).read_bytes() for name in names}
    except Damaged as error:
        assert error.key == key  # noqa: PT017
        return None


def all_contents(store: Store) -> dict[str, dict[str, bytes]]:
    keys = store.keys()
    found = {key: contents(store, key) for key in keys}
    return {key: files for key, files in found.items() if files is not None}


def test_every_file_of_a_real_store_is_believed_to_the_last_bit_or_not_at_all(
    measured: Project, tmp_path: Path
) -> None:
    """A fixed sample: every file in turn, each by three kinds of damage."""
    intact, store = Store(measured.store), Store(tmp_path / "store")
    shutil.copytree(intact.root, store.root)
    sound = all_contents(intact)
    keys = list(sound)
    kinds = cycle(DAMAGES.values())
    for key, other in zip(keys, keys[1:] + keys[:1], strict=True):
        for name in ("manifest.json", *sound[key]):
            for damage in islice(kinds, 3):
                path = store.folder(key) / name
                if damage not in OF_ANOTHER or sibling(path).is_file():
                    damage(path)
                worker = Store(store.root)
                assert contents(worker, key) in (None, sound[key])
                assert contents(worker, other) == sound[other]
                remove(store.folder(key))
                shutil.copytree(intact.folder(key), store.folder(key))


@pytest.mark.slow
def test_a_store_damaged_all_over_is_repaired(project: Project) -> None:
    store = Store(project.store)
    sound = all_contents(store)
    titles = {key: str(store.manifest(key).provenance["title"]) for key in sound}
    kinds = cycle(damage for damage in DAMAGES.values() if damage not in OF_ANOTHER)
    for number, (key, files) in enumerate(sound.items()):
        names = ["manifest.json", *files]
        next(kinds)(store.folder(key) / names[number % len(names)])
    rebuilt(project)
    found = all_contents(Store(project.store))
    assert all(files == sound[key] for key, files in found.items())  # what nobody reads may be damaged still
    assert {titles[key] for key in found} >= {"judge rbm", "judge linear"}


def test_pictures_that_went_after_the_claim_was_judged_are_made_again(project: Project) -> None:
    """The report copies them; nothing else would notice."""
    shutil.rmtree(project.artefacts()["pictures of linear under fgsm"])
    assert rebuilt(project) == {"pictures of linear under fgsm"}


def test_a_damaged_manifest_behind_a_cached_claim_hurts_nobody(project: Project) -> None:
    (project.artefacts()["train rbm, seed 0"] / "manifest.json").write_text("{")
    run = project.pytest(*CHOSEN)
    assert run.code == 0
    assert "report: reports/latest/index.html" in run.out


@pytest.mark.slow
def test_refreshing_computes_everything_again(project: Project) -> None:
    everything = set(project.artefacts())
    (project.root / "pytest.ini").write_text("[pytest]\nqaml_refresh = true\n")
    assert rebuilt(project) == everything


def test_a_cached_run_imports_nothing_heavy_and_draws_the_report(project: Project) -> None:
    project.is_warm = False
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
