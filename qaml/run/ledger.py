"""What was asked of a device and what it answered: charged before it is asked, kept as soon as it answers.

A kill between the two leaves a charge without an answer, and that one job is asked, and charged, again.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from zipfile import BadZipFile

from qaml.errors import RunError
from qaml.files.refusals import cannot_write
from qaml.run.arrays import read_arrays, write_arrays
from qaml.types import IntArray

_CHARGE = re.compile(r"charge-(\d+)-(\d+)-(\d+)")


class Ledger:
    """The shots of one evaluation, in a folder that survives an interruption.

    A charge is an empty file whose name is its job, its attempt and its shots; an answer is a file of counts.

    Args:
        folder: the folder; it is made with the first charge.
        budget: largest number of shots that may be charged; ``None`` for no limit.
    """

    def __init__(self, folder: Path, budget: int | None) -> None:
        self.folder = folder
        self.budget = budget

    @property
    def spent(self) -> int:
        """Shots charged so far."""
        return sum(shots for _, shots in self._charges())

    @property
    def n_again(self) -> int:
        """Jobs that were asked more than once, counted once for each further time."""
        jobs = [job for job, _ in self._charges()]
        return len(jobs) - len(set(jobs))

    def check(self, shots: int) -> None:
        """Refuse work of so many further shots.

        Raises:
            RunError: the budget does not hold them.
        """
        spent = self.spent
        if self.budget is not None and spent + shots > self.budget:
            raise RunError(
                f"{shots:,} shots do not fit into the budget of {self.budget:,}, of which {spent:,} are spent",
                "a larger 'budget', fewer shots or fewer images",
            )

    def charge(self, job: int, shots: int) -> None:
        """Charge the shots of a job that is about to be submitted.

        Raises:
            RunError: the budget does not hold them; nothing is charged.
            StoreError: the charge cannot be written, so that nothing may be submitted.
        """
        self.check(shots)
        attempt = sum(other == job for other, _ in self._charges())
        path = self.folder / f"charge-{job}-{attempt}-{shots}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                os.fsync(file.fileno())
            _settle(self.folder)
        except OSError as error:
            raise cannot_write(path, error, "the charge") from error

    def answer(self, job: int) -> IntArray | None:
        """The counts of a job that was answered; a damaged file is no answer."""
        try:
            counts: IntArray = read_arrays(self._path(job))["counts"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        return counts

    def keep(self, job: int, counts: IntArray) -> None:
        """Keep the counts of a job, in one move.

        Raises:
            StoreError: they cannot be written.
        """
        temporary = self.folder / f"writing-{uuid.uuid4().hex}.npz"
        try:
            write_arrays(temporary, {"counts": counts})
            temporary.replace(self._path(job))
            _settle(self.folder)
        except OSError as error:
            raise cannot_write(self._path(job), error, "the counts") from error

    def _path(self, job: int) -> Path:
        return self.folder / f"answer-{job}.npz"

    def _charges(self) -> list[tuple[int, int]]:
        """Job and shots of every charge."""
        names = [path.name for path in self.folder.glob("charge-*")]
        return [(int(found[1]), int(found[3])) for name in names if (found := _CHARGE.fullmatch(name))]


def _settle(folder: Path) -> None:
    """Let the folder's entries survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
