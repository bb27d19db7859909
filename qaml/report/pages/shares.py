"""The pages of a large report are rendered by several processes, each its share of every suite's pages.

A page is a function of the outcomes, which a helper gets through a pipe. Helpers begin before anything else of the
report is written, and a share whose helper failed is rendered by the process that waits for it.
"""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from qaml.outcome.outcome import Outcomes
from qaml.process_state import cores

T = TypeVar("T")

MANY = 1000
"""Number of claims from which on helpers pay: each imports the report's modules and takes all outcomes first."""
MOST = 4
"""Most processes, since each holds all outcomes in memory."""
LARGER = 1.2
"""Size of a helper's share, as part of an equal one, since the first process also writes all that is no page."""
PATIENCE = 600.0
"""Seconds that a helper may take longer than the process that waits for it."""
_BOOT = """
import sys
sys.path[:] = {path!r}
from qaml.report.pages.html import write_share
write_share(sys.stdin.buffer.read(), *sys.argv[1:])
"""


class Share(NamedTuple):
    """One of several shares; number 0 is that of the process that writes the report."""

    number: int = 0
    of: int = 1

    def of_items(self, items: Sequence[T]) -> Sequence[T]:
        """The items that this share holds: consecutive ones, as neighbours share drawings."""
        return items[self._edge(self.number, len(items)) : self._edge(self.number + 1, len(items))]

    def _edge(self, number: int, length: int) -> int:
        """Position of the first item of a share, the helpers' counted from the end."""
        return 0 if number == 0 else length - round((self.of - number) * LARGER / self.of * length)


ALL = Share()


def processes(n_claims: int) -> int:
    """The number of processes that render a report of so many claims."""
    return min(cores(), MOST) if n_claims >= MANY else 1


class Helper:
    """A process that renders a share into a folder as soon as it is given the outcomes."""

    def __init__(self, folder: Path, share: Share) -> None:
        self.share = share
        code = _BOOT.format(path=sys.path)
        command = [sys.executable, "-c", code, str(folder.absolute()), str(share.number), str(share.of)]
        streams = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=streams, stderr=streams)

    def give(self, content: bytes) -> None:
        """Give it the pickled outcomes; one that has died is noticed when it is waited for."""
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as pipe:
            pipe.write(content)

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


def unpacked(content: bytes) -> Outcomes:
    """The outcomes that a helper was given."""
    gc.disable()  # while millions of numbers are read, of which none is garbage
    outcomes: Outcomes = pickle.loads(content)
    gc.freeze()
    gc.enable()
    return outcomes


@contextmanager
def helped(outcomes: Outcomes, folder: Path) -> Iterator[list[Helper]]:
    """Helpers that render all shares but the first into a folder, and do not outlive the block; none for few claims."""
    n_processes = processes(len(outcomes.outcomes))
    helpers: list[Helper] = []
    try:
        helpers += (Helper(folder, Share(number, n_processes)) for number in range(1, n_processes))
        if helpers:
            content = pickle.dumps(outcomes, pickle.HIGHEST_PROTOCOL)  # while they import their modules
            for helper in helpers:
                helper.give(content)
            del content
        yield helpers
    finally:
        for helper in helpers:
            helper.end()
