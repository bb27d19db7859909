"""A run that computed nothing and found nothing else leaves a report that is right as it is, and no other run does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import qaml
from qaml.gate import record
from qaml.outcome.merge import load, merge_folders
from qaml.pytest_report import Report, write_report
from qaml.pytest_results import Results, Verdictless
from qaml.report import imprint
from qaml.report.pages.publish import publish
from qaml.report.text.headlines import changed
from qaml.session.options import Options
from qaml.session.session import Session

SPEC = """\
suite: two
title: What is measured twice
evaluation: {seeds: 1, images: 20}
diagnostics: {enabled: false}
datasets: {digits: {kind: digits, transforms: [{kind: subset, train: 50, test: 20}]}}
models:
  first: {kind: linear, dataset: digits, training: {epochs: 1, batch: 50}}
  second: {kind: linear, dataset: digits, training: {epochs: 1, batch: 50}}
attacks: {fgsm: {kind: fgsm, norm: linf, epsilon: 0.1}}
claims:
  - {id: first, statement: It knows all., kind: bound, metric: clean_accuracy, of: {model: first}, at_least: 0.999}
  - id: second
    statement: It is robust.
    kind: bound
    metric: robust_accuracy
    of: {model: second, attack: fgsm}
    at_least: 0.0
"""
AGAIN = "(unchanged)"
UNCHANGED = f"report: report/index.html {AGAIN}"


class Project(NamedTuple):
    """A spec, a store and a report, and runs in this process."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "two.yaml"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def n_remembered(self) -> int:
        return len(list((self.store / "history").glob("*.json")))

    def session(self, claims: tuple[str, ...] = ("first", "second"), **options: Any) -> Session:
        settings: dict[str, Any] = {"store": self.store, "report": self.report} | options
        session = Session(Options((self.spec,), "quick", **settings))
        session.select(f"two::{claim}" for claim in claims)
        return session

    def run(self, *claims: str, baseline: Path | None = None, failed: tuple[str, ...] = (), **options: Any) -> str:
        """What the terminal says of a run."""
        session = self.session(claims or ("first", "second"), **options)
        results = Results()
        for claim in session.selected:
            results.chosen[claim.node] = claim.node
            if claim.entry.id in failed:
                results.failures[claim.node] = "it failed"
                results._reported.add(claim.node)
                continue
            session.outcome(claim.node)
            results.outcomes[session.plan.claims[claim.node].judge.key] = claim.node
        report = write_report(session, results, baseline, self.root)
        assert isinstance(report, Report)
        return report.text

    def edit(self, old: str, new: str) -> None:
        text = self.spec.read_text()
        assert text.count(old) == 1
        self.spec.write_text(text.replace(old, new))

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.report)): path.read_bytes() for path in self.report.rglob("*.*")}


class Clock:
    """A clock by which runs of one day are a minute apart."""

    def __init__(self, hour: int) -> None:
        self.time = datetime(2030, 1, 1, hour, tzinfo=UTC)

    def now(self, _: object) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after one run, with a copy of it beside."""
    project = Project(tmp_path_factory.mktemp("made") / "project")
    project.root.mkdir()
    project.spec.write_text(SPEC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qaml.session.assembly.datetime", Clock(1))
        assert AGAIN not in project.run()
    shutil.copytree(project.root, project.root.with_name("copy"))
    return project


@pytest.fixture
def project(made: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same for one test, in the same place, since a report says where its specs are."""
    shutil.rmtree(made.root)
    shutil.copytree(made.root.with_name("copy"), made.root)
    monkeypatch.setattr("qaml.session.assembly.datetime", Clock(2))
    return made


def test_a_run_that_found_nothing_else_writes_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = project.files()
    said = project.root / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(said))
    for n in (1, 2):
        assert UNCHANGED in project.run()
        assert said.read_text().count("## qaml:") == n
    assert project.files() == before
    assert project.n_remembered == 1
    (project.report / "claims" / "note.txt").write_text("mine")
    assert UNCHANGED in project.run()


def _page(project: Project) -> Path:
    return project.report / "claims" / "two" / "first.html"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Project], object]] = {
    "a page is gone": lambda project: _page(project).unlink(),
    "a page differs in a bit": lambda project: _flip(_page(project)),
    "a page is empty": lambda project: _page(project).write_bytes(b""),
    "two pages are exchanged": lambda project: shutil.copy(project.report / "models/two/first.html", _page(project)),
    "the style is gone": lambda project: (project.report / "static" / "report.css").unlink(),
    "a picture differs in a bit": lambda project: _flip(next((project.report / "media").iterdir())),
    "the outcomes differ in a bit": lambda project: _flip(project.report / "outcomes.json"),
    "the summary is gone": lambda project: (project.report / "summary.md").unlink(),
    "the table is gone": lambda project: (project.report / "claims.csv").unlink(),
    "the list is gone": lambda project: (project.report / "qaml-files.json").unlink(),
    "the list differs in a bit": lambda project: _flip(project.report / "qaml-files.json"),
    "the folder is gone": lambda project: shutil.rmtree(project.report),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_any_damage_is_noticed(project: Project, damage: str) -> None:
    outcomes = load(project.report)
    assert imprint.is_printed(outcomes, project.report)
    DAMAGES[damage](project)
    assert not imprint.is_printed(outcomes, project.report)


def test_a_damaged_report_is_written_again(project: Project) -> None:
    before = project.files()
    _page(project).unlink()
    assert AGAIN not in project.run()
    after = project.files()
    assert before.keys() == after.keys()
    assert before["claims/two/first.html"] == after["claims/two/first.html"]
    assert project.n_remembered == 1  # it is the same run once more
    assert UNCHANGED in project.run()


def test_a_report_of_a_former_version_of_qaml_is_written_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imprint, "_code", lambda: "of other templates")
    assert AGAIN not in project.run()
    assert UNCHANGED in project.run()
    assert project.n_remembered == 1


@pytest.mark.parametrize("folder", ["templates", "static"])
def test_the_code_that_draws_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    package = tmp_path / "qaml"
    shutil.copytree(Path(qaml.__file__).parent / "report", package / "report")
    monkeypatch.setattr(qaml, "__file__", str(package / "__init__.py"))
    before = imprint._code.__wrapped__()
    (package / "report" / "notes.pyc").write_bytes(b"compiled")
    assert imprint._code.__wrapped__() == before
    file = next((package / "report" / "pages" / folder).iterdir())
    file.write_text(file.read_text() + "\n")
    assert imprint._code.__wrapped__() != before


def _other_words(project: Project) -> str:
    project.edit("What is measured twice", "Another title")
    return project.run()


def _other_pictures(project: Project) -> str:
    """The report of another run with as many claims is in the folder."""
    other = load(project.report)
    first = other.outcomes[0].model_copy(update={"reason": "another one"})
    publish(other.model_copy(update={"outcomes": (first, *other.outcomes[1:])}), project.report)
    return project.run()


SHOWN: dict[str, Callable[[Project], str]] = {
    "fewer claims": lambda project: project.run("second"),
    "another command repeats it": lambda project: project.run(replay=("--device", "cpu")),
    "other words of the suite": _other_words,
    "the report of another run": _other_pictures,
    "another folder": lambda project: project.run(report=project.root / "other"),
}


@pytest.mark.parametrize("change", SHOWN)
def test_another_report_of_the_same_numbers_is_written_and_no_run_of_its_own(project: Project, change: str) -> None:
    text = SHOWN[change](project)
    assert "report: " in text
    assert AGAIN not in text
    assert project.n_remembered == 1
    project.run()
    assert UNCHANGED in project.run()
    assert project.n_remembered == 1


def _forgotten(project: Project) -> str:
    shutil.rmtree(project.store / "history")
    project.run()
    return project.run(is_fresh=True)


def _rebuilt(project: Project) -> str:
    step = project.session().plan.claims["two::first"].judge
    shutil.rmtree(project.session().store.folder(step.key))
    return project.run()


def _measured(project: Project) -> str:
    project.edit(
        "second: {kind: linear, dataset: digits, training: {epochs: 1,",
        "second: {kind: linear, dataset: digits, training: {epochs: 9,",
    )
    return project.run()


def _turned(project: Project) -> str:
    project.edit("at_least: 0.999", "at_least: 0.001")
    return project.run()


RUNS: dict[str, Callable[[Project], str]] = {
    "all is computed again": lambda project: project.run(is_fresh=True),
    "the history was deleted": _forgotten,
    "a result is computed again": _rebuilt,
    "another number": _measured,
    "another verdict": _turned,
    "other training runs": lambda project: project.run(seeds=2),
    "a claim failed": lambda project: project.run(failed=("first",)),
}


@pytest.mark.parametrize("change", RUNS)
def test_a_run_of_its_own_is_written_and_remembered(project: Project, change: str) -> None:
    text = RUNS[change](project)
    assert "report: report/index.html" in text
    assert AGAIN not in text
    assert project.n_remembered == 2


def test_a_claim_that_fails_again_is_reported_again(project: Project) -> None:
    for n in (2, 3):
        assert AGAIN not in project.run(failed=("first",))
        assert project.n_remembered == n
        assert load(project.report).failures


def test_an_interrupted_run_is_written_and_the_rest_of_it_too(project: Project) -> None:
    session, results = project.session(), Results()
    results.chosen |= {claim.node: claim.node for claim in session.selected}
    session.outcome("two::second")
    results.outcomes[session.plan.claims["two::second"].judge.key] = "two::second"
    assert results.verdictless() == [Verdictless("two::first", "not reached: the run ended before", is_reached=False)]
    assert AGAIN not in write_report(session, results, None, project.root).text
    assert AGAIN not in project.run()
    assert UNCHANGED in project.run()


def test_what_changed_stays_until_something_changes(project: Project) -> None:
    _turned(project)
    line = changed(load(project.report))
    assert line is not None
    assert line.text.startswith("1 verdict changed since the run of")
    page = (project.report / "index.html").read_bytes()
    project.run("second")
    project.run()
    assert (project.report / "index.html").read_bytes() == page
    assert project.n_remembered == 2


def test_a_baseline_that_says_the_same_changes_nothing_either(project: Project) -> None:
    baseline, other = project.root / "baseline.json", project.root / "other.json"
    record.save(project.session(), baseline)
    record.save(project.session(), other, tolerances={"*": 0.5}, sensitivity=1.0)
    assert AGAIN not in project.run(baseline=baseline)
    written = project.files()
    assert UNCHANGED in project.run(baseline=baseline)
    assert project.files() == written
    assert AGAIN not in project.run(baseline=other)
    assert AGAIN not in project.run()
    assert load(project.report).regression is None
    assert project.n_remembered == 1


def test_a_report_that_is_asked_for_is_written(project: Project) -> None:
    """By ``qaml report``, whatever is in the folder."""
    outcomes, pictures = merge_folders([project.report])
    inode = project.report.stat().st_ino
    publish(outcomes, project.report, pictures)
    assert project.report.stat().st_ino != inode
    assert UNCHANGED in project.run()


def test_a_folder_that_has_to_stay_keeps_its_imprint(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qaml.outcome.folder._MOST_CARRIED", -1)
    _page(project).unlink()
    inode = project.report.stat().st_ino
    assert AGAIN not in project.run()
    assert UNCHANGED in project.run()
    assert project.report.stat().st_ino == inode


def test_what_a_killed_run_has_left_is_deleted(project: Project) -> None:
    leftover = project.root / ".report.qaml-0123456789ab"
    leftover.mkdir()
    (leftover / "index.html").write_text("half")
    assert UNCHANGED in project.run()
    assert not leftover.exists()
