"""Runs one step, in this process or in one of its own, and stores its artefact together with its provenance."""

from __future__ import annotations

import importlib
import os
import platform
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from qaml.errors import RunError
from qaml.files.refusals import remove
from qaml.plan.hardware import processor
from qaml.plan.kinds import KINDS
from qaml.plan.role import Role
from qaml.plan.step import Step
from qaml.run.isolation.request import Report, request_of
from qaml.run.job import job_of
from qaml.run.reads import states, watching
from qaml.run.store import Store
from qaml.run.surroundings import one_thread, warnings_as_python_shows_them
from qaml.text import clean


class Executor:
    """Makes artefacts from steps whose parents are stored.

    Args:
        store: the store that artefacts are read from and written to.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, store: Store, device: str) -> None:
        self.store = store
        self.device = device
        self._read_by: dict[str, dict[str, str]] = {}

    def make(self, step: Step, missing: Mapping[Role, str], progress: Callable[..., None]) -> None:
        """Run the step and put what it writes into the store; its checkpoint is removed if it succeeds.

        Args:
            step: the step, with the parents that are stored.
            missing: for parents that are absent, which only draw something: why, by role.
            progress: called with the share done, 0–1, and a few words.

        Raises:
            Exception: the exception that the step's code raised.
        """
        start = time.perf_counter()
        sources = self.store.sources(step.parents.values())
        provenance = _provenance(step, self.device)
        with self.store.writing(step.key, provenance, sources) as output:
            report = self._execute(step, missing, output, progress)
            sources |= report.sources
            if report.changes:
                provenance["changed"] = list(report.changes)
            provenance["seconds"] = round(time.perf_counter() - start, 3)
        remove(self.store.checkpoint(step.key))

    def _execute(self, step: Step, missing: Mapping[Role, str], output: Path, progress: Callable[..., None]) -> Report:
        """Run the step's code in this process, or in a process of its own if it is not qaml's."""
        if step.runs_foreign_code:
            from qaml.run.isolation.apart import perform_apart

            request = request_of(step, missing, KINDS[step.kind].module, self.store, output, self.device)
            report = perform_apart(request, progress)
            _warn_of_changes(step, report)
            return report
        job = job_of(step, self.store, output, self.device, missing, progress)
        with warnings_as_python_shows_them():
            try:
                module = importlib.import_module(KINDS[step.kind].module)
                with one_thread(), watching(is_on=step.code.is_foreign) as found:
                    module.execute(job)
            except ModuleNotFoundError as error:
                hint = "qaml requires it: 'pip install qaml-bench' installs what is missing"
                raise RunError(f"the Python package {error.name!r} is not installed", hint) from error
        return Report(self._read_by_others(step, states(found, self.store.root, *step.code.files)))

    def _read_by_others(self, step: Step, found: Mapping[str, str]) -> Mapping[str, str]:
        """What the step's code has read, including what its modules read when an earlier step imported them."""
        for name in step.code.foreign:
            self._read_by.setdefault(name, {}).update(found)
        return {name: state for module in step.code.foreign for name, state in self._read_by[module].items()}


def _warn_of_changes(step: Step, report: Report) -> None:
    if report.changes:
        with warnings_as_python_shows_them():
            changes = "; ".join(report.changes)
            text = clean(f"{step.title}: code that is not qaml's changed, and got back: {changes}")
            warnings.warn(text, stacklevel=2)


def _provenance(step: Step, device: str) -> dict[str, object]:
    return {
        "kind": step.kind,
        "title": step.title,
        "seed": step.seed,
        "parents": {str(role): key for role, key in step.parents.items()},
        "code": step.code.code,
        "versions": dict(step.code.versions),
        "device": device,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {processor().model}",
        "processor": processor().in_words(),
        "python": platform.python_version(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
