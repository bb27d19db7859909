"""Workers take steps, not tests: any ready, unlocked step, the longest remaining path first."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from qaml.data.base import DatasetPart
from qaml.errors import QamlError, RunError, StoreError
from qaml.plan.plan import STEP_MODULES, Plan, ancestors
from qaml.plan.step import Step
from qaml.run.dataset import DataChanged
from qaml.run.isolation.errors import Crashed
from qaml.run.isolation.request import Report, request_of
from qaml.run.job import Job
from qaml.run.progress import Reporter
from qaml.run.reads import states, watching
from qaml.run.store import Damaged, Store
from qaml.run.surroundings import compute_on_one_thread, warnings_as_python_shows_them
from qaml.text import clean

WAIT = 0.1
"""Seconds between two looks for a ready step while other workers hold all of them."""

REBUILDS = 3
"""How often an artefact may turn out damaged before it is given up."""


class StepCrashed(RunError):
    """A step raised something that nobody foresaw; the exception is the cause of this one."""


class Scheduler:
    """One worker's share of a plan.

    Args:
        plan: all steps of the session; the same in every worker.
        store: shared by the workers.
        reporter: told what goes on.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, plan: Plan, store: Store, reporter: Reporter, device: str = "cpu") -> None:
        self.plan = plan
        self.store = store
        self.reporter = reporter
        self.device = device
        self.failed: dict[str, Exception] = {}
        self._wanted = dict.fromkeys(claim.judge.key for claim in plan.claims.values())
        self._damaged: Counter[str] = Counter()
        self._rank = _remaining_path(plan)
        self._done: set[str] = set()
        self._read_by: dict[str, dict[str, str]] = {}
        self._is_data_checked = False

    def complete(self, key: str) -> None:
        """Work until the artefact of this key is there, on whatever step of the plan is worth most.

        Raises:
            QamlError: the step, or one that it needs, failed in a way that a person can act on.
        """
        self._wanted[key] = None
        if not self._is_data_checked:
            self._is_data_checked = True
            self._check_data()
        while not self._has(key):
            self._raise_if_failed(key)
            if not self._take_one():
                time.sleep(WAIT)
        self.reporter.report("", 1.0, "", len(self._done), len(self.plan.steps), force=True)

    def _check_data(self) -> None:
        """Before any stored result is believed: read again what only others' code can read and this session needs.

        Files that their code opens in Python are noted; what comes from elsewhere is known by its arrays alone.
        """
        parents = {self.plan.steps[parent].key for step in self.needed() for parent in step.parents.values()}
        for key in sorted(parents):
            load = self.plan.steps[key]
            if load.kind == "load" and load.code.is_foreign and self._has(key):
                with self.store.lock(key) as is_free:
                    if is_free:
                        self._run(load)
        self._done.clear()

    def _has(self, key: str) -> bool:
        if key not in self._done and self.store.has(key):
            self._done.add(key)
        return key in self._done

    def forget(self, key: str) -> None:
        """Build this artefact again: it was found damaged.

        Raises:
            StoreError: it was too often.
        """
        self._done.discard(key)
        self._damaged[key] += 1
        if self._damaged[key] > REBUILDS:
            raise StoreError(
                f"artefact {key[:12]} ({self.plan.steps[key].title}) was found damaged {self._damaged[key]} times",
                "check the disk, and that nothing else writes into the store",
            )

    def _raise_if_failed(self, key: str) -> None:
        if not self.failed:
            return
        queue, seen = [key], set()
        while queue:
            current = queue.pop()
            if current in seen or self._has(current) or (current != key and self._is_given_up(current)):
                continue
            seen.add(current)
            step = self.plan.steps[current]
            if (error := self.failed.get(current)) is not None:
                raise _named(error, step) from error
            queue.extend(step.parents.values())

    def _is_given_up(self, key: str) -> bool:
        """Whether this only draws something for the report, and cannot: nobody waits for it."""
        return self.plan.steps[key].is_courtesy and any(a in self.failed for a in ancestors(self.plan, key, self._has))

    def needed(self) -> list[Step]:
        """Steps that are still needed: absent, and not behind an artefact that is present."""
        needed: dict[str, Step] = {}
        queue = list(self._wanted)
        while queue:
            key = queue.pop()
            if key in needed or self._has(key):
                continue
            needed[key] = self.plan.steps[key]
            queue.extend(needed[key].parents.values())
        return list(needed.values())

    def _take_one(self) -> bool:
        """Run one ready step that nobody else is at; tells whether there was one."""
        ready = [
            step
            for step in self.needed()
            if step.key not in self.failed
            and all(self._has(parent) or self._is_given_up(parent) for parent in step.parents.values())
        ]
        for step in sorted(ready, key=lambda step: (-self._rank[step.key], step.key)):
            with self.store.lock(step.key) as is_free:
                if not is_free:
                    continue
                if not self._has(step.key):
                    self._run(step)
                return True
        return False

    def _run(self, planned: Step) -> None:
        step = planned._replace(parents={role: key for role, key in planned.parents.items() if self._has(key)})
        progress = self._progress(step)
        progress(0.0, "", force=True)
        start = time.perf_counter()
        try:
            sources = self.store.sources(step.parents.values())
            provenance = _provenance(step, self.device)
            with self.store.writing(step.key, provenance, sources) as output:
                report = self._execute(step, self._missing(planned), output, progress)
                sources |= report.sources
                if report.changes:
                    provenance["changed"] = list(report.changes)
                (output / "seconds").write_text(f"{time.perf_counter() - start:.3f}")
        except DataChanged as error:
            self._load_again(error, step)  # then what was made from other data is absent
        except Damaged as error:
            self._rebuild(error.key, step)  # then this step is ready again
        except Exception as error:
            self.failed[step.key] = error
        else:
            self._done.add(step.key)
            with suppress(OSError):
                shutil.rmtree(self.store.checkpoint(step.key))

    def _rebuild(self, key: str, step: Step) -> None:
        try:
            self.forget(key)
        except StoreError as error:
            self.failed[step.key] = error

    def _load_again(self, error: DataChanged, step: Step) -> None:
        """Record a dataset's present content; what was made from another is stale by its manifest."""
        key = error.key
        self._damaged[key] += 1
        if self._damaged[key] > REBUILDS:
            self.failed[step.key] = error
            return
        source = _source_of(self.plan.steps[key])
        for load in self.plan.steps.values():  # also what other models see of the same data
            if load.kind == "load" and _source_of(load) == source and self.store.has(load.key):
                self._run(load)
        self._done.clear()

    def _missing(self, step: Step) -> dict[str, str]:
        """Why parents that only draw something are absent, by role."""
        reasons = {}
        for role, key in step.parents.items():
            if not self._has(key):
                error = next(self.failed[each] for each in ancestors(self.plan, key, self._has) if each in self.failed)
                reasons[role] = error.message if isinstance(error, QamlError) else f"{type(error).__name__}: {error}"
        return reasons

    def _execute(self, step: Step, missing: Mapping[str, str], output: Path, progress: Callable[..., None]) -> Report:
        """Run the step's code: here, or in a process of its own if it is not qaml's."""
        if step.runs_foreign_code:
            from qaml.run.isolation.apart import perform_apart

            request = request_of(step, missing, STEP_MODULES[step.kind], self.store, output, self.device)
            report = perform_apart(request, progress)
            _tell(step, report)
            return report
        job = Job(
            key=step.key,
            payload=step.payload,
            seed=step.seed,
            parents=step.parents,
            read=partial(self._read, step.parents),
            output=output,
            checkpoint=self.store.checkpoint(step.key),
            progress=progress,
            device=self.device,
            missing=missing,
        )
        with warnings_as_python_shows_them():
            module = importlib.import_module(STEP_MODULES[step.kind])
            compute_on_one_thread()
            with watching(is_on=step.code.is_foreign) as found:
                module.execute(job)
        return Report(self._read_by_others(step, states(found, self.store.root, *step.code.files)))

    def _read_by_others(self, step: Step, found: Mapping[str, str]) -> Mapping[str, str]:
        """What the step's code read, now or when an earlier step of this process imported the same modules."""
        for name in step.code.foreign:
            self._read_by.setdefault(name, {}).update(found)
        return {name: state for module in step.code.foreign for name, state in self._read_by[module].items()}

    def _read(self, parents: Mapping[str, str], role: str, name: str) -> Path:
        return self.store.read(parents[role], name)

    def _progress(self, step: Step) -> Callable[..., None]:
        total = len(self.plan.steps)
        done = total - len(self.needed())

        def progress(share: float, detail: str, *, force: bool = False) -> None:
            self.reporter.report(step.title, share, detail, done, total, force=force)

        return progress


def _named(error: Exception, step: Step) -> QamlError:
    """An error of a step for whoever needs it: it says which model and which step."""
    if not isinstance(error, QamlError):
        what = str(error) if isinstance(error, Crashed) else f"{type(error).__name__}: {error}"
        return StepCrashed(f"{step.title} failed: {what}")
    if type(error).__init__ is not QamlError.__init__:
        return error
    return type(error)(f"{step.title}: {error.message}", error.hint)


def _tell(step: Step, report: Report) -> None:
    if report.changes:
        with warnings_as_python_shows_them():
            changes = "; ".join(report.changes)
            text = clean(f"{step.title}: code that is not qaml's changed, and got back: {changes}")
            warnings.warn(text, stacklevel=2)


def _source_of(load: Step) -> DatasetPart:
    """The dataset before its transforms."""
    part: DatasetPart = load.payload["dataset"]
    return part.model_copy(update={"transforms": ()})


def _remaining_path(plan: Plan) -> dict[str, float]:
    """For each step, the expected seconds of the longest chain of steps from it to a verdict."""
    children: dict[str, list[str]] = {key: [] for key in plan.steps}
    for step in plan.steps.values():
        for parent in set(step.parents.values()):
            children[parent].append(step.key)
    rank: dict[str, float] = {}
    for key in reversed(_topological(plan)):
        rank[key] = plan.steps[key].cost + max((rank[child] for child in children[key]), default=0.0)
    return rank


def _topological(plan: Plan) -> list[str]:
    """Parents before children (the plan inserts them in that order)."""
    return list(plan.steps)


def _provenance(step: Step, device: str) -> dict[str, object]:
    return {
        "kind": step.kind,
        "title": step.title,
        "seed": step.seed,
        "parents": dict(step.parents),
        "code": step.code.code,
        "versions": dict(step.code.versions),
        "device": device,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
