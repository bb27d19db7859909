"""Everything that was charged for devices, in one journal of the store: who asked, for which job, and what it cost.

A charge is on disk before its job is submitted, and no budget is exceeded by it: both happen under one lock.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from qaml.errors import StoreError
from qaml.files.refusals import cannot_read, cannot_write

JOURNAL = "charges.jsonl"
PATIENCE = 60.0
"""Seconds to wait for the lock, which is held for one charge."""


class Charge(NamedTuple):
    """A job that was about to be submitted.

    Attributes:
        at: date and time, UTC.
        suite: name of the suite whose budget it counts in.
        device: name of the device.
        evaluation: the evaluation that it belongs to.
        job: its number there.
        question: digest of what was asked.
        circuits: number of circuits.
        shots: shots of all its circuits.
        cost: cost at the suite's prices.
    """

    at: str
    suite: str
    device: str
    evaluation: str
    job: int
    question: str
    circuits: int
    shots: int
    cost: float


@dataclass
class Tally:
    """What was charged to an evaluation, or to a suite on a device.

    Attributes:
        shots: number of shots.
        cost: the cost.
        n_charges: number of jobs, each time that one was charged.
        questions: numbers and digests of these jobs.
    """

    shots: int = 0
    cost: float = 0.0
    n_charges: int = 0
    questions: set[tuple[int, str]] = field(default_factory=set)

    def add(self, charge: Charge) -> None:
        """Add a charge."""
        self.shots, self.cost, self.n_charges = self.shots + charge.shots, self.cost + charge.cost, self.n_charges + 1
        self.questions.add((charge.job, charge.question))


class Charges:
    """The journal, one JSON object a line; it is read on from where it was read to before.

    Args:
        folder: its folder, made with the first charge.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self._read_to = 0
        self._charges: list[Charge] = []
        self._tallies: dict[tuple[str, ...], Tally] = {}

    def __iter__(self) -> Iterator[Charge]:
        """Every charge so far, oldest first.

        Raises:
            StoreError: the journal cannot be read, or is damaged: what was spent is not known then.
        """
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._read_to:  # another file than before
                    self._read_to, self._charges, self._tallies = 0, [], {}
                file.seek(self._read_to)
                text = file.read()
        except FileNotFoundError:
            text = b""
        except OSError as error:
            raise cannot_read(self.path, error) from error
        whole = text[: text.rfind(b"\n") + 1]  # a line without an end is being written, or was never confirmed
        for line in whole.splitlines():
            self._charges.append(charge := self._charge(line))
            for name in ((charge.evaluation,), (charge.suite, charge.device)):
                self._tallies.setdefault(name, Tally()).add(charge)
        self._read_to += len(whole)
        return iter(self._charges)

    def _charge(self, line: bytes) -> Charge:
        try:
            return Charge(**json.loads(line))
        except (ValueError, TypeError) as error:
            text = f"{self.path} has a damaged line, so that what was spent is not known"
            raise StoreError(text, "repair it from a copy; without the file everything counts as unspent") from error

    def tally(self, *name: str) -> Tally:
        """What was charged so far.

        Args:
            name: an evaluation, or a suite and a device.

        Raises:
            StoreError: the journal cannot be read, or is damaged.
        """
        iter(self)
        return self._tallies.get(name, Tally())

    def append(self, charge: Charge) -> None:
        """Write a charge; the lock must be held.

        Raises:
            StoreError: it cannot be written, so that nothing may be submitted.
        """
        line = json.dumps(charge._asdict()).encode() + b"\n"
        try:
            with self.path.open("ab") as file:
                os.truncate(self.path, self._read_to)  # half a line of a process that died
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error, "the charge") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the journal's lock, with everything read that is in it.

        Raises:
            StoreError: the folder cannot be written, or another process holds the lock for a minute.
        """
        with held(self.path.with_suffix(".lock"), PATIENCE, "another process is charging a device"):
            iter(self)
            yield


@contextmanager
def held(path: Path, patience: float, why: str) -> Iterator[None]:
    """Hold a lock that the system releases when this process dies.

    Args:
        path: its file, whose folder is made.
        patience: seconds to wait for it.
        why: what another process that holds it does.

    Raises:
        StoreError: the folder cannot be written, or the lock is not free in time.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=patience)
    except Timeout as error:
        raise StoreError(f"{why} ({path.name})", "run again when it is done") from error
    except OSError as error:
        raise cannot_write(path, error, "the lock") from error
    try:
        yield
    finally:
        lock.release()


def now() -> str:
    """Date and time, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
