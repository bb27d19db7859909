"""One try of the campaign: what was done, and what did not hold afterwards."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.campaign.faults.events import at_event
from tests.campaign.faults.project import Project, settle_environment
from tests.campaign.faults.warm import Ended, done_here, pytest_run, run, warm_up


class Attempt(NamedTuple):
    """What became of a try.

    Attributes:
        row: of the table.
        group: within the row.
        faults: what did not hold; none if all did.
        ended: what was seen of it, in a word: ``as alone``, ``noticed``, ``harmless``.
        said: the last words of the run.
    """

    name: str
    row: str
    group: str
    faults: list[str]
    ended: str
    said: str
    seconds: float


class Seen(NamedTuple):
    """What a try found, for its record."""

    faults: list[str]
    ended: str = "as alone"
    said: str = ""


Trial = Callable[[], Seen]


class Planned(NamedTuple):
    """A try that can be done."""

    name: str
    row: str
    group: str
    trial: Trial

    def do(self) -> Attempt:
        start = time.perf_counter()
        faults, ended, said = self.trial()
        return Attempt(self.name, self.row, self.group, faults, ended, said, round(time.perf_counter() - start, 2))


class Peace:
    """The project after a run left in peace, and what every other one is held against.

    Attributes:
        project: with a store, a report, a history, a baseline and its evidence.
        outcomes: by claim.
        contents: of the store, by key.
        seconds: that a fresh run takes.
        n_events, n_cached_events: changes of files in a fresh run, and in one that only writes the report.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settle_environment(folder / "no-data")
        self.project = Project.new(folder / "peace")
        _must_be(0, warm_up(pytest_run("-n0"), self.project.root))
        done_here(["plan"], self.project.root)
        done_here(["report"], self.project.root)
        self.project.remove()
        self.project = Project.new(folder / "peace")
        counted = folder / "events.txt"
        run_again = run(pytest_run("-n0"), self.project.root, lambda: _note_events(counted, self.project.root))
        _must_be(0, run_again)
        self.seconds = run_again.seconds
        self.events = counted.read_text().splitlines()
        self.project.spoil_report()
        run_cached = run(pytest_run("-n0"), self.project.root, lambda: _note_events(counted, self.project.root))
        _must_be(0, run_cached)
        self.n_cached_events = len(counted.read_text().splitlines())
        self.outcomes = self.project.outcomes()
        self.contents = self.project.contents()
        self._number = 0

    @property
    def n_events(self) -> int:
        return len(self.events)

    def place(self) -> Path:
        """A folder's name that nobody has had."""
        self._number += 1
        return self.folder / f"try-{os.getpid()}-{self._number}"

    def fresh(self) -> Project:
        """A project where nothing has run."""
        return Project.new(self.place())

    def copy(self) -> Project:
        """The project with all that is there."""
        return self.project.copy(self.place())

    def differences(
        self, project: Project, ended: Ended, *, may_lack: bool = False, but_for: Path | None = None
    ) -> list[str]:
        """How a project that ran to its end differs from the one left in peace.

        Args:
            project: with its store and its report.
            ended: its run.
            may_lack: whether artefacts that nothing needed may be missing, or not what they were, and with them what
                they say of their own making.
            but_for: a file that need not be what it was: where nothing reads it, nothing can be wrong with it.
        """
        found = []
        if ended.code != 0 or ended.has_traceback:
            found.append(f"exit code {ended.code}: {words(ended)}")
        found += self.unlike(outcomes_of(project), may_lack=may_lack)
        if not may_lack:
            ours, theirs = (_without(contents, but_for) for contents in (project.contents(), self.contents))
            found += [f"wrong: {each}" for each in _unequal(ours, theirs)]
        return found

    def unlike(self, outcomes: dict[str, Any], *, may_lack: bool = False) -> list[str]:
        """How a report's answers differ."""
        known = self.outcomes
        if may_lack:
            outcomes, known = _measured(outcomes), _measured(known)
        return [f"wrong: {each}" for each in _unequal(outcomes, known)]


def _measured(outcomes: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the manifests of artefacts tell."""
    return {
        node: {name: value for name, value in answer.items() if name != "provenance"}
        if isinstance(answer, dict)
        else answer
        for node, answer in outcomes.items()
    }


def _without(contents: dict[str, Mapping[str, str]], path: Path | None) -> dict[str, Mapping[str, str]]:
    """Contents of a store without one file."""
    if path is None or path.parent.name not in contents:
        return contents
    kept = {name: value for name, value in contents[path.parent.name].items() if name != path.name}
    return contents | {path.parent.name: kept}


def outcomes_of(project: Project, report: Path | None = None) -> dict[str, Any]:
    """The report's answers; a report that is not whole is an answer by itself."""
    from qaml.errors import QamlError

    try:
        return dict(project.outcomes(report))
    except QamlError as error:
        return {"report": str(error)}


def words(ended: Ended, n: int = 300) -> str:
    """The last of what was printed."""
    return " ".join(ended.out.split())[-n:]


def stratified(n: int, seed: int) -> Iterator[float]:
    """``n`` numbers in [0, 1), one in each n-th of it, in some order."""
    source = random.Random(seed)
    order = list(range(n))
    source.shuffle(order)
    return ((place + source.random()) / n for place in order)


def _unequal(ours: Mapping[str, object], theirs: Mapping[str, object]) -> list[str]:
    names = sorted(ours.keys() | theirs.keys())
    found = []
    for name in names:
        if ours.get(name) != theirs.get(name):
            what = "missing" if name not in ours else "unknown" if name not in theirs else "other content"
            found.append(f"{name[:24]} {what}")
    return found[:3]


def _note_events(into: Path, below: Path) -> None:
    into.write_text("")

    def note(event: str) -> None:
        with into.open("a") as file:
            file.write(event + "\n")

    at_event(0, below, note, is_once=False)


def _must_be(code: int, ended: Ended) -> None:
    if ended.code != code:
        raise AssertionError(f"a run left in peace ended with {ended.code}:\n{ended.out}")
