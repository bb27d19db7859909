"""Four runs at once on one store, some on one report folder, beside them a prune and a run that refreshes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tests.campaign.faults.attempt import Peace, Planned, Seen, outcomes_of, words
from tests.campaign.faults.project import Project
from tests.campaign.faults.warm import Ended, Fork, pytest_run, qaml_command, run

ROW = "together"
RUNS = 4
OVER = ("nothing", "all", "half")
"""What the store holds beforehand."""


class Beside(NamedTuple):
    """What goes on at the same time.

    Attributes:
        before: what the store holds.
        is_one_report: whether all write the same report folder.
        prunes: command lines, one after the other as long as a run goes on.
        is_refreshed: whether one of the runs computes everything again.
        delay: seconds between two starts.
    """

    before: str
    is_one_report: bool
    prunes: tuple[str, ...]
    is_refreshed: bool
    delay: float


def every_gathering(peace: Peace, n: int) -> Iterator[Planned]:
    """``n`` tries."""
    for i, beside in enumerate(islice(_every(), n)):
        group = ", ".join(
            ["one report" if beside.is_one_report else "own reports"]
            + ["prune"] * bool(beside.prunes)
            + ["refresh"] * beside.is_refreshed
        )
        name = f"{ROW} {i}: {group} over {beside.before}, {beside.delay} s apart{' '.join(('', *beside.prunes))}"
        yield Planned(name, ROW, group, partial(_try, peace, beside))


def _every() -> Iterator[Beside]:
    i = 0
    while True:
        yield Beside(
            before=OVER[i % 3],
            is_one_report=i % 2 == 0,
            prunes=((), (), ("prune",), ("prune", "--all"))[i // 2 % 4],
            is_refreshed=i // 8 % 2 == 1 or i % 5 == 4,
            delay=(0.0, 0.05, 0.3)[i // 3 % 3],
        )
        i += 1


def _try(peace: Peace, beside: Beside) -> Seen:
    project = peace.fresh() if beside.before == "nothing" else peace.copy()
    if beside.before == "half":
        _halve(project)
    may_lack = beside.before == "half" or bool(beside.prunes)
    reports = [Path("reports/latest" if beside.is_one_report else f"reports/{i}") for i in range(RUNS)]
    ends, pruned = _at_once(project, beside, reports)
    faults = []
    for ended, report in zip(ends, reports, strict=True):
        if ended.code != 0 or ended.has_traceback:
            faults.append(f"exit code {ended.code}: {words(ended)}")
        faults += peace.unlike(outcomes_of(project, project.root / report), may_lack=may_lack)
    faults += [
        f"prune, exit code {ended.code}: {words(ended)}" for ended in pruned if ended.code or ended.has_traceback
    ]
    again = run(pytest_run("-n0"), project.root)
    faults += [f"afterwards: {each}" for each in peace.differences(project, again, may_lack=may_lack)]
    known = peace.contents
    faults += [f"wrong: {key[:12]}" for key, files in project.contents().items() if files != known.get(key)]
    if not faults:
        project.remove()
    return Seen(faults[:4], "as alone", words(ends[0]))


def _halve(project: Project) -> None:
    for key in sorted(project.artefacts())[::2]:
        shutil.rmtree(project.store / "artefacts" / key[:2] / key)


def _at_once(project: Project, beside: Beside, reports: list[Path]) -> tuple[list[Ended], list[Ended]]:
    at_work = []
    for i, report in enumerate(reports):
        refresh = ["--qaml-refresh"] * (beside.is_refreshed and i == 1)
        at_work.append(Fork(pytest_run("-n0", f"--qaml-report={report}", *refresh), project.root, name=str(i)))
        time.sleep(beside.delay)
    pruned = []
    while beside.prunes and not at_work[0].is_done():
        pruned.append(run(qaml_command("store", *beside.prunes), project.root))
    return [each.wait() for each in at_work], pruned
