"""The progress of every worker, passed through small files to the process that owns the terminal and draws it."""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import NamedTuple, TextIO

from qaml.run.store import PROGRESS
from qaml.text import one_line

INTERVAL = 0.5


def progress_folder(store: Path, run_id: str) -> Path:
    """The folder that the workers of one session write their progress into."""
    return store / "temporary" / f"{PROGRESS}{run_id}"


class Status(NamedTuple):
    """One worker's step, the share of it that is done (0–1), and what the worker knows of the whole plan.

    Attributes:
        worker: name of the worker.
        title: title of the step; empty while it waits.
        share: share of the step that is done, 0–1.
        detail: a few words about the step.
        done: number of the plan's steps that are done.
        total: number of all steps.
        left: expected seconds until all are done.
    """

    worker: str
    title: str
    share: float
    detail: str
    done: int
    total: int
    left: float = 0.0


class Reporter:
    """Writes one worker's status, at most twice a second.

    Args:
        folder: the folder that the workers of one session share; it is made with the first status.
        worker: name of the worker, such as ``gw0``.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self.path = folder / f"{worker}.json"
        self.worker = worker
        self._temporary = self.path.with_suffix(f".{uuid.uuid4().hex[:12]}")
        self._last = 0.0
        self._is_begun = False

    def report(self, status: Status, *, force: bool = False) -> None:
        """Write the worker's status, unless the last one is recent and ``force`` is not set.

        Errors of the file system are ignored.
        """
        now = time.monotonic()
        if not force and now - self._last < INTERVAL:
            return
        self._last = now
        content = json.dumps(status._asdict())
        try:
            if not self._is_begun:
                self._is_begun = True
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.write_text(content)
            self._temporary.replace(self.path)
        except OSError:
            return  # a full disk is reported where results are written


class Display:
    """Draws the progress of all workers as one line, twice a second.

    Args:
        folder: the folder that the workers of one session share.
        stream: the stream to draw on; default: standard error.
        is_shown: whether to draw at all; default: whether the stream is a terminal.
    """

    def __init__(self, folder: Path, stream: TextIO | None = None, *, is_shown: bool | None = None) -> None:
        self.folder = folder
        self.stream = stream or sys.stderr
        self.is_shown = self.stream.isatty() if is_shown is None else is_shown
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._width = 0

    def start(self) -> None:
        """Begin drawing."""
        if self.is_shown:
            self._thread = threading.Thread(target=self._draw, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop drawing and wipe the line."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._write("")

    def _draw(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._write(line(read(self.folder)))

    def _write(self, text: str) -> None:
        self.stream.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
        self.stream.flush()
        self._width = len(text)


def read(folder: Path) -> list[Status]:
    """Every worker's last status."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(Status(**json.loads(path.read_text())))
        except (OSError, ValueError, TypeError):
            continue  # it is being replaced, and the next reading finds it
    return found


def line(statuses: list[Status], width: int = 100) -> str:
    """All workers in one line."""
    if not statuses:
        return ""
    done, total = max(s.done for s in statuses), max(s.total for s in statuses)
    left = min(s.left for s in statuses)
    working = " · ".join(
        f"{s.title} {s.share:.0%}" + (f" ({s.detail})" if s.detail else "") for s in statuses if s.title
    )
    time_left = f"about {in_words(left)} left · " if left >= 1 else ""
    return one_line(f"{done}/{total} steps · {time_left}{working}")[:width]


def in_words(seconds: float) -> str:
    """A rough duration."""
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
