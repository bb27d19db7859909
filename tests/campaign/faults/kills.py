"""Runs that are killed: at file events and at any time, the controller, a worker or all of them, once or twice."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import cycle, islice, product
from pathlib import Path
from typing import NamedTuple

import qaml
from tests.campaign.faults.attempt import Peace, Planned, Seen, outcomes_of, stratified, words
from tests.campaign.faults.events import at_event
from tests.campaign.faults.project import CLAIMS, Project
from tests.campaign.faults.warm import Ended, Fork, pytest_run, run
from tests.campaign.faults.workers import make_workers

ROW = "kills"
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
WHO = ("controller", "alone", "worker", "group")
"""``alone``: a controller without workers, which does all the work."""
WHEN = ("event", "time")
OURS = f"{Path(qaml.__file__).parent}{os.sep}"
"""Of files in tracebacks: what Python says where it cannot raise, and xdist of a worker that was killed while it
started, is theirs."""


class Kill(NamedTuple):
    """Who gets which signal, and when: at a share of the file events or of the time of a run left in peace."""

    signal: str
    who: str
    when: str
    share: float

    @property
    def number(self) -> int:
        return int(signal.Signals[self.signal])


def every_kill(peace: Peace, n: int) -> Iterator[Planned]:
    """``n`` tries; every fifth is killed again when it goes on."""
    shares = stratified(2 * n, seed=15)
    ways = list(product(SIGNALS, WHO, WHEN))
    random.Random(3).shuffle(ways)
    for i, (name, who, when) in enumerate(islice(cycle(ways), n)):
        kills = [Kill(name, who, when, next(shares))]
        if i % 5 == 4:
            kills.append(Kill(SIGNALS[i % 3], "alone", "event", next(shares)))
        label = " then ".join(f"{k.signal} {k.who} at {k.share:.3f} of {k.when}s" for k in kills)
        yield Planned(f"{ROW} {i}: {label}", ROW, f"{name}, {who}", partial(_try, peace, kills))


def _try(peace: Peace, kills: list[Kill]) -> Seen:
    project = peace.fresh()
    faults, said = [], ""
    for kill in kills:
        ended = _killed(peace, project, kill)
        faults += _left_behind(project, ended)
        said = words(ended)
    faults += peace.differences(project, run(pytest_run("-n0"), project.root))
    if not faults:
        project.remove()
    return Seen(faults, "as alone", said)


def _killed(peace: Peace, project: Project, kill: Kill) -> Ended:
    """The run, up to its end."""
    number = int(kill.share * peace.n_events * (0.5 if kill.who == "worker" else 1.0))
    is_event = kill.when == "event"
    pids = project.root.parent / f"{project.root.name}.pids"
    once = project.root.parent / f"{project.root.name}.killed-{time.monotonic_ns()}"

    def die(_: str) -> None:
        with suppress(FileExistsError):
            os.close(os.open(once, os.O_CREAT | os.O_EXCL))
            os.kill(0 if kill.who == "group" else os.getpid(), kill.number)

    def arm() -> None:
        at_event(number, project.root, die)

    def prepare() -> None:
        if kill.who == "alone":
            if is_event:
                arm()
            return
        make_workers(pids, arm if is_event and kill.who in ("worker", "group") else lambda: None)
        if is_event and kill.who in ("controller", "group"):
            arm()

    at_work = Fork(pytest_run("-n0" if kill.who == "alone" else "-n2"), project.root, prepare)
    if not is_event:
        time.sleep(kill.share * peace.seconds)
        _send(at_work, kill, pids)
    ended = at_work.wait(is_tidy=False)  # orphaned workers meet the next run
    once.unlink(missing_ok=True)
    return ended


def _send(at_work: Fork, kill: Kill, pids: Path) -> None:
    if kill.who != "worker":
        at_work.signal(kill.number, is_group=kill.who == "group")
        return
    for pid in sorted(pids.iterdir()) if pids.is_dir() else ():
        with suppress(ProcessLookupError, ValueError):
            worker = int(pid.read_text())
            if os.getpgid(worker) == at_work.pid:
                os.kill(worker, kill.number)
                return


def _left_behind(project: Project, ended: Ended) -> list[str]:
    """What must hold before anything runs again."""
    faults = []
    if ended.has_traceback and OURS in ended.out and "Exception ignored" not in ended.out:
        faults.append(f"traceback: {words(ended)}")
    if ended.is_late:
        faults.append("did not end")
    told = outcomes_of(project)
    if "report" in told:
        faults.append(f"lost: the report is not whole: {told['report']}")
    elif ended.code in (0, 1) and set(told) != CLAIMS:
        faults.append(f"lost: of a run that went on, the report lacks {sorted(CLAIMS - set(told))}")
    elif (judged := _n_passed(ended)) > len(told):
        faults.append(f"lost: {judged} were judged, {len(told)} are in the report")
    return faults


def _n_passed(ended: Ended) -> int:
    """Claims that the run says it judged."""
    said = re.search(r"(\d+) passed.* in [\d.]+s", ended.out)
    return int(said[1]) if said else 0
