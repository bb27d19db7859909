"""The pages of a large report are rendered by several processes, each its share of every suite's pages.

A page is a function of the outcomes, so a helper reads ``outcomes.json`` from the report's folder, where it lies
before the pages are written, and a share whose helper failed is rendered by the process that waits for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")

MANY = 1000
"""Number of claims from which on helpers pay: each imports the report's modules and reads all outcomes first."""
MOST = 4
"""Most processes, since each holds all outcomes in memory."""
SLOWER = 0.75
"""Size of a helper's share, as part of an equal one."""
PATIENCE = 600.0
"""Seconds that a helper may take longer than the process that waits for it."""
_BOOT = "import sys; sys.path[:] = {path!r}; from qaml.report.pages.html import write_share; write_share(*sys.argv[1:])"


class Share(NamedTuple):
    """One of several shares; number 0 is that of the process that writes the report."""

    number: int = 0
    of: int = 1

    def of_items(self, items: Sequence[T]) -> Sequence[T]:
        """The items that this share holds: consecutive ones, as neighbours share drawings."""
        return items[self._edge(self.number, len(items)) : self._edge(self.number + 1, len(items))]

    def _edge(self, number: int, length: int) -> int:
        """Position of the first item of a share, the helpers' counted from the end."""
        return 0 if number == 0 else length - round((self.of - number) * SLOWER / self.of * length)


ALL = Share()


def processes(n_claims: int) -> int:
    """The number of processes that render a report of so many claims."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST) if n_claims >= MANY else 1


class Helper:
    """A process that renders a share into the folder whose ``outcomes.json`` it reads."""

    def __init__(self, folder: Path, share: Share) -> None:
        self.share = share
        code = _BOOT.format(path=sys.path)
        command = [sys.executable, "-c", code, str(folder.absolute()), str(share.number), str(share.of)]
        streams = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=streams, stdout=streams, stderr=streams)

    def is_done(self) -> bool:
        """Wait for it; whether all of its pages are there."""
        try:
            return self._process.wait(PATIENCE) == 0
        except subprocess.TimeoutExpired:
            return False

    def end(self) -> None:
        """End it, unless it has ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def helped(folder: Path, n_processes: int) -> Iterator[list[Helper]]:
    """Helpers for all shares but the first, which do not outlive the block."""
    helpers: list[Helper] = []
    try:
        helpers += (Helper(folder, Share(number, n_processes)) for number in range(1, n_processes))
        yield helpers
    finally:
        for helper in helpers:
            helper.end()
