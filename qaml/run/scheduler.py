"""Workers take steps, not tests: those of their own claim, and those that the whole session would wait for."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qaml.data.base import DatasetPart
from qaml.errors import QamlError, RunError, StoreError
from qaml.plan.plan import Plan
from qaml.plan.role import Role
from qaml.plan.step import Step
from qaml.run.costs.estimate import Costs
from qaml.run.costs.records import Watch, peak_memory
from qaml.run.dataset import DataChanged
from qaml.run.executor import Executor
from qaml.run.isolation.errors import Crashed
from qaml.run.news import News, Word
from qaml.run.order import Order
from qaml.run.progress import Reporter, Status
from qaml.run.store import Damaged, Store

WAIT = 0.1
"""Seconds between two searches for a ready step while other workers hold all of them."""

REBUILDS = 3
"""How often a damaged artefact is built again before that is an error."""


class StepCrashed(RunError):
    """A step raised an unexpected exception, which is the cause of this one."""


class Scheduler:
    """One worker's share of a plan.

    Args:
        plan: all steps of the session; the same in every worker.
        store: the store, which the workers share.
        reporter: writes this worker's progress.
        device: ``cpu`` or ``cuda``.
        workers: number of workers of the session.
    """

    def __init__(self, plan: Plan, store: Store, reporter: Reporter, device: str = "cpu", workers: int = 1) -> None:
        self.plan = plan
        self.store = store
        self.reporter = reporter
        self.failed: dict[str, Exception] = {}
        self.costs = Costs(plan.steps, store)
        wanted = (claim.judge.key for claim in plan.claims.values())
        self.workers = workers
        self.order = Order(plan.steps, wanted, store.has, workers, self.costs.seconds)
        self._executor = Executor(store, device)
        self._news = News(reporter.path.parent, reporter.worker) if workers > 1 else None
        self._refused_elsewhere: dict[str, Word] = {}
        self._damaged: Counter[str] = Counter()
        self._is_data_checked = False
        self._was_interrupted = False
        self._is_helping = False

    def complete(self, key: str) -> None:
        """Work until the artefact of this key is stored.

        The steps that it needs come first; while other workers hold all of those, this one takes steps that others will
        need.

        Raises:
            QamlError: the step, or one that it needs, failed.
        """
        with self._counting():
            self.order.want(key)
            self._check_data()
            if self.order.has(key):
                return
            while not self.order.has(key):
                self._raise_if_lost(key)
                if not self._take_one():
                    time.sleep(WAIT)
                    self._is_made(key)  # another session may have made it
            self._report_idle()

    def help(self) -> None:
        """Work on the steps that the claims of other workers need until none is left; they report what fails."""
        with self._counting():
            self._check_data()
            self._is_helping = True
            self.order.leave()
            for word in self._refused_elsewhere.values():
                self._believe(word)
            while self.order.has_work:
                if not self._take_one():
                    time.sleep(WAIT)
            self._report_idle()

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Count anew if the last block was interrupted (a timeout, Ctrl-C), which may leave the counts half done."""
        if self._was_interrupted:
            self.order.look_again()
        self._was_interrupted = True
        try:
            yield
        except QamlError:
            self._was_interrupted = False
            raise
        self._was_interrupted = False

    def _check_data(self) -> None:
        """Read the datasets that only code of other packages can read again, before a stored result is used.

        Files that such code opens in Python are noted; data from elsewhere can be compared by its arrays only.
        """
        if self._is_data_checked:
            return
        self._is_data_checked = True
        parents = {parent for step in self.needed() for parent in step.parents.values()}
        loads = [self.plan.steps[key] for key in sorted(parents)]
        foreign = [s for s in loads if s.kind == "load" and s.code.is_foreign and self.order.has(s.key)]
        for load in foreign:
            with self.store.lock(load.key) as is_free:
                if is_free:
                    self._run(load)
        if foreign:
            self.order.look_again()

    def forget(self, key: str) -> None:
        """Count an artefact that was found damaged as absent, so that it is built again.

        Raises:
            StoreError: it was found damaged too often.
        """
        self.order.vanished(key)
        self.store.condemn(key)
        self._damaged[key] += 1
        if self._damaged[key] > REBUILDS:
            raise StoreError(
                f"artefact {key[:12]} ({self.plan.steps[key].title}) was found damaged {self._damaged[key]} times",
                "check the disk, and that nothing else writes into the store",
            )

    def needed(self) -> list[Step]:
        """The steps that are still needed: absent, and not only needed by artefacts that are stored."""
        return self.order.needed()

    def _is_made(self, key: str) -> bool:
        """Whether the artefact is stored by now: another session may have made it."""
        if not self.order.has(key) and self.store.has(key):
            self.order.arrived(key)
        return self.order.has(key)

    def _raise_if_lost(self, key: str) -> None:
        while self.order.is_lost(key):
            failed = self.order.failures_behind(key)[0]
            if not self._is_made(failed):  # else another worker succeeded
                raise _named(self.failed[failed], self.plan.steps[failed]) from self.failed[failed]

    def _take_one(self) -> bool:
        """Run one ready step that no other worker holds; returns whether there was one."""
        self._listen()
        for key in self.order.candidates():
            if key in self._refused_elsewhere and not self.order.is_own(key):
                continue
            with self.store.lock(key) as is_free:
                if not is_free:
                    continue
                self._listen()  # the worker that held the lock until now has written its message
                if not (self.order.is_lost(key) or self._is_made(key)):
                    self._run(self.plan.steps[key])
                return True
        return False

    def _listen(self) -> None:
        for word in self._news.heard() if self._news else ():
            if word.key not in self.plan.steps:
                continue
            if word.failure is None:
                self.order.arrived(word.key)
            elif word.is_refused and not self._is_helping:  # tried here only for the own claim
                self._refused_elsewhere[word.key] = word
            else:
                self._believe(word)

    def _believe(self, word: Word) -> None:
        """Count a step that failed in another worker as failed here: it may take hours to fail again."""
        failure = word.failure or ""
        error = Crashed(failure, word.trace) if word.trace else RunError(failure, word.hint)
        self.failed.setdefault(word.key, error)
        self.order.fail(word.key, is_refused=word.is_refused)

    def _run(self, planned: Step) -> None:
        step = planned._replace(parents={role: key for role, key in planned.parents.items() if self.order.has(key)})
        progress = self._progress(step)
        progress(0.0, "", force=True)
        watch = Watch(step)
        try:
            self._executor.make(step, self._missing(planned), progress)
        except DataChanged as error:
            self._load_again(error, step)  # then artefacts that were made from other data are absent
        except Damaged as error:  # then this step is ready again
            if error.key not in self.plan.steps:  # the artefact is in another store, which a part names
                self._fail(step, error.__cause__ if isinstance(error.__cause__, Exception) else error)
            elif error.is_gone:
                self.order.vanished(error.key)
            else:
                self._rebuild(error.key, step)
        except Exception as error:
            self._fail(step, error)
        else:
            self.order.arrived(step.key)
            self.costs.note(planned, watch.seconds, peak_memory())
            if self._news:
                self._news.write(Word(step.key))

    def _fail(self, step: Step, error: Exception) -> None:
        self.failed[step.key] = error
        is_refused = isinstance(error, StoreError)
        self.order.fail(step.key, is_refused=is_refused)
        if self._news:
            hint = error.hint if isinstance(error, QamlError) else ""
            self._news.write(Word(step.key, _reason(error), is_refused, hint, _trace(error)))

    def _rebuild(self, key: str, step: Step) -> None:
        try:
            self.forget(key)
        except StoreError as error:
            self._fail(step, error)

    def _load_again(self, error: DataChanged, step: Step) -> None:
        """Record a dataset's present content, so that artefacts made from another content are stale."""
        key = error.key
        self._damaged[key] += 1
        if self._damaged[key] > REBUILDS:
            self._fail(step, error)
            return
        source = _source_of(self.plan.steps[key])
        for load in self.plan.steps.values():  # also with the transforms of other models
            if load.kind == "load" and _source_of(load) == source and self.store.has(load.key):
                self._run(load)
        self.order.look_again()

    def _missing(self, step: Step) -> dict[Role, str]:
        """Reasons why parents that only draw something are absent, by role."""
        reasons = {}
        for role, key in step.parents.items():
            if not self.order.has(key):
                error = self.failed[self.order.failures_behind(key)[0]]
                reasons[role] = _reason(error)
        return reasons

    def _progress(self, step: Step) -> Callable[..., None]:
        expected, started = self.costs.seconds(step), time.monotonic()
        behind = max(self.order.seconds_left(self.workers), self.order.remaining_path.get(step.key, 0.0)) - expected

        def progress(share: float, detail: str, *, force: bool = False) -> None:
            passed = time.monotonic() - started
            rest = passed * (1 - share) / share if share > 0.05 else max(expected - passed, 0.0)
            self.reporter.report(self._status(step.title, share, detail, behind + rest), force=force)

        return progress

    def _report_idle(self) -> None:
        self.reporter.report(self._status("", 1.0, "", self.order.seconds_left(self.workers)), force=True)

    def _status(self, title: str, share: float, detail: str, left: float) -> Status:
        total = len(self.plan.steps)
        return Status(self.reporter.worker, title, share, detail, total - self.order.n_needed, total, left)


def _reason(error: Exception) -> str:
    if isinstance(error, Crashed):
        return str(error)
    return error.message if isinstance(error, QamlError) else f"{type(error).__name__}: {error}"


def _trace(error: Exception) -> str:
    if isinstance(error, QamlError):
        return ""
    return error.trace if isinstance(error, Crashed) else "".join(traceback.format_exception(error))


def _named(error: Exception, step: Step) -> QamlError:
    """An error of a step with the step's title, for the claims that need the step."""
    if not isinstance(error, QamlError):
        return StepCrashed(f"{step.title} failed: {_reason(error)}")
    if type(error).__init__ is not QamlError.__init__:
        return error
    return type(error)(f"{step.title}: {error.message}", error.hint)


def _source_of(load: Step) -> DatasetPart:
    """The dataset before its transforms."""
    part: DatasetPart = load.payload["dataset"]
    return part.model_copy(update={"transforms": ()})
