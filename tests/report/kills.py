"""Publish into a folder again and again, each time killed at another file event; a process without threads, to fork.

``python -m tests.report.kills FOLDER MODE`` prints a line a kill: how many events had been let through, and what the
folder held then and after the next, undisturbed run, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from qaml.files import exchange
from qaml.outcome import folder

EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.chmod", "shutil.rmtree")
NAMES = ("media/0123456789abcdef-a.png", "claims/suite/claim.html", "static/report.css", "outcomes.json", "index.html")


def write(target: Path, text: str, *extra: str) -> None:
    """A report whose files all say the same, as ``publish`` writes them."""
    with folder.built(target) as stage:
        for name in (*NAMES, *extra):
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_text(text)


def content(target: Path) -> dict[str, str]:
    """Everything that a person sees in a folder."""
    found = (path for path in sorted(target.rglob("*")) if path.is_file())
    names = {str(path.relative_to(target)): path for path in found}
    return {n: p.read_text() for n, p in names.items() if not n.startswith(".") and n != "qaml-files.json"}


def _killed_after(n: int, work: Callable[[], None]) -> bool:
    """Do it in a child that dies at the event after ``n``; tells whether it died."""
    child = os.fork()
    if child == 0:
        left = n

        def count(event: str, _: object = None) -> None:
            nonlocal left
            if event in EVENTS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        swap = exchange._exchange

        def counted(one: Path, other: Path) -> int:  # a system call that no audit hook sees
            count("os.rename")
            code = swap(one, other)
            count("os.rename")
            return code

        exchange._exchange = counted
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def main(target: Path, mode: str) -> None:
    """Kill at every event in turn, until a run gets through."""
    if mode == "renames":
        exchange._system_call = lambda: None  # type: ignore[assignment]
    if mode == "guest":
        folder._MOST_CARRIED = 0
    write(target, "old", "claims/suite/gone.html")
    if mode != "alone":
        (target / "claims/note.txt").write_text("mine")
    died, n = True, 0
    while died:
        died = _killed_after(n, lambda: write(target, "new"))
        there = content(target) if target.exists() else None
        folder.tidy(target)
        tidied = content(target)
        write(target, "old", "claims/suite/gone.html")
        hidden = [p.name for p in [*target.parent.iterdir(), *target.iterdir()] if p.name.startswith(".")]
        left = [name for name in hidden if not name.endswith(".qaml-tmp")]  # a file that is deleted an hour later
        sys.stdout.write(json.dumps([n, there, tidied, content(target), left]) + "\n")
        n += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
