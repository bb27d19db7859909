"""What steps took, a line each in a file of the store, from which estimates are made.

Nothing depends on it: a line that is no record is passed over, and a file that cannot be read or written costs nothing
but worse estimates.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from qaml.files.regular import open_regular
from qaml.plan.step import Step
from qaml.run.costs.work import Work

FILE = "costs.jsonl"
MOST = 4 * 2**20
"""Bytes that are read, from the end: the last 20,000 steps or more."""
WAITING = frozenset({"load", "measure", "ask"})
"""Kinds of steps that may wait for a disk, a server or a device."""
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | (0 if sys.platform == "win32" else os.O_NONBLOCK)


class Record(NamedTuple):
    """What a step took.

    Attributes:
        work: its names and units.
        seconds: from its beginning to its end.
        memory: most memory of its process by then, in MiB: no less than the step's own.
    """

    work: Work
    seconds: float
    memory: float


def note(root: Path, record: Record) -> None:
    """Add a record to those of the store in a folder."""
    line = json.dumps([record.work, round(record.seconds, 7), round(record.memory)], separators=(",", ":")) + "\n"
    with suppress(OSError):
        handle = os.open(root / FILE, _APPEND, 0o666)
        try:
            os.write(handle, line.encode())  # in one go, as workers share the file
        finally:
            os.close(handle)


def noted(root: Path) -> Iterator[Record]:
    """The records of the store in a folder, the oldest first."""
    with suppress(OSError, ValueError), open_regular(root / FILE) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - MOST))
        yield from (record for line in file.read(MOST).splitlines() if (record := _parsed(line)) is not None)


def _parsed(line: bytes) -> Record | None:
    try:
        (names, units, model), seconds, memory = json.loads(line)
        record = Record(Work(tuple(names), float(units), model), float(seconds), float(memory))
    except (ValueError, TypeError, RecursionError):
        return None
    are_names = all(isinstance(name, str) for name in (*names, model)) and len(names) > 0
    are_numbers = all(isfinite(number) for number in (units, seconds, memory)) and units > 0 and seconds > 0
    return record if are_names and are_numbers else None


class Watch:
    """Measures a step, by seconds of a processor if it computes in this process: other work does not lengthen those.

    Args:
        step: a step that begins now.
    """

    def __init__(self, step: Step) -> None:
        is_elsewhere = step.runs_foreign_code or step.kind in WAITING
        self._clock = time.perf_counter if is_elsewhere else time.process_time
        self._start = self._clock()

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._start


def peak_memory() -> float:
    """Most memory that this process has had so far, in MiB; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
