"""What one evaluation asks of a device and what it answers: charged before it is asked, kept as soon as it answers.

A kill between the two leaves a charge without an answer. If the device had given the job an id its result is fetched;
otherwise that one job is asked, and charged, again. Answers are kept by what was asked, not by the code that asked, so
a changed line of qaml costs no shots.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import BadZipFile

from qaml.errors import RunError
from qaml.files.refusals import cannot_write
from qaml.run.arrays import read_arrays, write_arrays
from qaml.run.charges import Charge, Charges, held, now
from qaml.types import AnyArray

if TYPE_CHECKING:
    from qaml.spec.suite import Account

DIGITS = 16
"""Number of characters of a question's digest in the names of files."""


class Question(NamedTuple):
    """A job: its number in the evaluation, and the digest of all that is asked."""

    number: int
    digest: str

    @property
    def name(self) -> str:
        """The beginning of its files' names."""
        return f"{self.number}-{self.digest[:DIGITS]}"


class Ledger:
    """The jobs of one evaluation.

    Args:
        folder: the store's folder of devices.
        evaluation: name of the evaluation, which does not depend on code.
        suite: name of the suite whose budget is charged.
        device: name of the device.
        account: the suite's budget and prices of this device.
        budget: largest number of shots of this evaluation; ``None`` for no limit.
    """

    def __init__(
        self, folder: Path, evaluation: str, suite: str, device: str, account: Account, budget: int | None
    ) -> None:
        self.folder = folder / "answers" / evaluation
        self.evaluation, self.suite, self.device = evaluation, suite, device
        self.account, self.budget = account, budget
        self._journal = Charges(folder)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other process ask the same.

        Raises:
            StoreError: another one does.
        """
        why = f"another process is asking {self.device} for the same evaluation"
        with held(self.folder.with_suffix(".lock"), 0.0, why):
            yield

    @property
    def charges(self) -> tuple[Charge, ...]:
        """The charges of this evaluation."""
        return tuple(each for each in self._journal if each.evaluation == self.evaluation)

    @property
    def spent(self) -> int:
        """Shots charged to this evaluation so far."""
        return self._journal.tally(self.evaluation).shots

    @property
    def n_again(self) -> int:
        """Jobs that were asked more than once, counted once for each further time."""
        tally = self._journal.tally(self.evaluation)
        return tally.n_charges - len(tally.questions)

    def cost(self, jobs: int, circuits: int, shots: int) -> float:
        """The cost of jobs at the suite's prices."""
        price = self.account.price
        return jobs * price.job + circuits * price.circuit + shots * price.shot

    def check(self, jobs: int, circuits: int, shots: int) -> None:
        """Refuse further work beyond a budget: of the evaluation, or of the suite on this device.

        Args:
            jobs: number of jobs.
            circuits: number of circuits of all jobs.
            shots: number of shots of all circuits.

        Raises:
            RunError: a budget does not hold it.
        """
        account, paid = self.account, self._journal.tally(self.suite, self.device)
        _refuse_shots(shots, self.spent, self.budget, "budget of this evaluation", "'budget'")
        whose = f"of suite {self.suite!r} on {self.device}"
        _refuse_shots(shots, paid.shots, account.budget, f"budget {whose}", "'devices' budget")
        cost, spent = self.cost(jobs, circuits, shots), paid.cost
        if account.most is not None and spent + cost > account.most * (1 + 1e-12):
            unit = f" {account.currency}" if account.currency else ""
            raise RunError(
                f"a cost of {cost:,.2f}{unit} does not fit into the {account.most:,.2f}{unit} {whose}, of which "
                f"{spent:,.2f}{unit} are spent",
                "a larger 'most' in 'devices', fewer shots or fewer images",
            )

    def charge(self, question: Question, circuits: int, shots: int) -> None:
        """Charge a job that is about to be submitted.

        Args:
            question: the job.
            circuits: number of its circuits.
            shots: number of shots of all circuits.

        Raises:
            RunError: a budget does not hold it; nothing is charged.
            StoreError: the charge cannot be written, so that nothing may be submitted.
        """
        number, digest = question
        cost = self.cost(1, circuits, shots)
        charge = Charge(now(), self.suite, self.device, self.evaluation, number, digest[:DIGITS], circuits, shots, cost)
        with self._journal.alone():
            self.check(1, circuits, shots)
            self._journal.append(charge)

    def answer(self, question: Question) -> Mapping[str, AnyArray] | None:
        """The arrays of a job that was answered; a damaged file is no answer."""
        try:
            return read_arrays(self._path(question, "npz"))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None

    def keep(self, question: Question, arrays: Mapping[str, AnyArray]) -> None:
        """Keep the answer to a job, in one move.

        Raises:
            StoreError: it cannot be written.
        """
        self._keep(self._path(question, "npz"), lambda path: write_arrays(path, arrays))

    def record(self, question: Question) -> dict[str, Any]:
        """What is known of a job beside its counts, such as its ids at the device; empty if nothing is."""
        try:
            found = json.loads(self._path(question, "json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def note(self, question: Question, record: Mapping[str, Any]) -> None:
        """Keep what is known of a job beside its counts.

        Raises:
            StoreError: it cannot be written.
        """
        text = json.dumps(record, indent=1, default=str)
        self._keep(self._path(question, "json"), lambda path: path.write_bytes(text.encode()))

    def _keep(self, final: Path, write: Callable[[Path], object]) -> None:
        temporary = self.folder / f"writing-{uuid.uuid4().hex}{final.suffix}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write(temporary)
            temporary.replace(final)
            _settle(self.folder)
        except OSError as error:
            raise cannot_write(final, error, "the answer") from error

    def kept(self) -> Mapping[int, set[str]]:
        """Number of a job → names of the questions in its place that were answered."""
        found: dict[int, set[str]] = {}
        for path in self.folder.glob("*-*.npz"):
            number, _, _ = path.stem.partition("-")
            if number.isdecimal():
                found.setdefault(int(number), set()).add(path.stem)
        return found

    def _path(self, question: Question, suffix: str) -> Path:
        return self.folder / f"{question.name}.{suffix}"


def _refuse_shots(shots: int, spent: int, budget: int | None, whose: str, field: str) -> None:
    if budget is not None and spent + shots > budget:
        raise RunError(
            f"{shots:,} shots do not fit into the {whose}, {budget:,}, of which {spent:,} are spent",
            f"a larger {field}, fewer shots or fewer images; what was answered is kept",
        )


def _settle(folder: Path) -> None:
    """Let the folder's entries survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
