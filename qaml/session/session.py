"""One session: suites at a profile, the plan of the selected claims, and their outcomes. The edges hold one each."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from qaml.errors import Location, Problem, QamlError, SpecError
from qaml.outcome.outcome import ARTEFACT, Outcome
from qaml.plan.hardware import hardware
from qaml.plan.plan import Plan, make_plan
from qaml.run.progress import Reporter, progress_folder
from qaml.run.scheduler import Scheduler
from qaml.run.store import Damaged, Store, new_session
from qaml.session.options import Options
from qaml.spec.load import as_named, as_typed, find_specs, load_suite
from qaml.spec.suite import ClaimEntry, Suite


class BrokenSpec(NamedTuple):
    """A spec that could not be loaded, by the name of its file."""

    name: str
    error: SpecError


def _spec_files(paths: Iterable[Path]) -> tuple[list[Path], list[BrokenSpec]]:
    """Every spec file once; a path that leads to none is a mistake like any other, and the other specs still run."""
    files: dict[Path, None] = {}
    broken = []
    for path in paths:
        try:
            files.update(dict.fromkeys(find_specs([path])))
        except SpecError as error:
            broken.append(BrokenSpec(path.stem, error))
    return list(files), broken


def _check_name_is_free(suite: Suite, others: Mapping[str, Suite]) -> None:
    if suite.name in others:
        message = f"{suite.name!r} is the name of the suite in {as_named(others[suite.name].path)}, too"
        hint = "test ids start with it: every spec needs a name of its own"
        raise SpecError([Problem(Location(as_typed(suite.path), 1, 1), "suite", message, hint)])


class Claim(NamedTuple):
    """A claim of a session, which can be measured and judged."""

    suite: Suite
    entry: ClaimEntry

    @property
    def node(self) -> str:
        """``suite::id``."""
        return f"{self.suite.name}::{self.entry.id}"

    def is_named(self, pattern: str) -> bool:
        """Whether this is the claim's id, with its suite or without, or a pattern of it."""
        names = (self.node, self.entry.id)
        return pattern in names or any(fnmatchcase(name, pattern) for name in names)


class Session:
    """Suites, plan and outcomes; everything is made at its first use."""

    def __init__(self, options: Options, worker: str = "main", workers: int = 1) -> None:
        self.options = options if options.run_id else options._replace(run_id=new_session())
        self.worker = worker
        self.workers = workers
        self.selected: list[Claim] = []
        self._judged: dict[str, Outcome] = {}

    @cached_property
    def _loaded(self) -> tuple[list[Suite], list[BrokenSpec]]:
        suites: dict[str, Suite] = {}
        paths, broken = _spec_files(self.options.specs)
        for path in paths:
            try:
                suite = load_suite(path, self.options.profile)
                _check_name_is_free(suite, suites)
            except SpecError as error:
                broken.append(BrokenSpec(path.stem, error))
            else:
                suites[suite.name] = suite
        return list(suites.values()), broken

    @property
    def suites(self) -> Sequence[Suite]:
        """The suites of all sound specs."""
        return self._loaded[0]

    @property
    def broken(self) -> Sequence[BrokenSpec]:
        """The specs with mistakes."""
        return self._loaded[1]

    @property
    def claims(self) -> list[Claim]:
        """Every claim of every sound suite, in file order."""
        return [Claim(suite, entry) for suite in self.suites for entry in suite.claims]

    def named(self, patterns: Sequence[str]) -> list[Claim]:
        """Claims by their ids.

        Args:
            patterns: patterns of ids, with or without ``suite::``, exact or with ``*``, ``?`` and ``[…]``; none: all
                claims.
        """
        return [claim for claim in self.claims if not patterns or any(claim.is_named(each) for each in patterns)]

    def select(self, nodes: Iterable[str]) -> None:
        """Plan these claims only, named ``suite::id``; call it before the first outcome."""
        wanted = set(nodes)
        self.selected = [claim for claim in self.claims if claim.node in wanted]
        self.plan_again()

    def plan_again(self) -> None:
        """Make the plan and its order anew at their next use."""
        for name in ("plan", "scheduler"):
            self.__dict__.pop(name, None)

    def cover(self, nodes: Iterable[str]) -> None:
        """Plan these claims, unless they are planned already."""
        asked = list(nodes)
        if not self.plan.claims.keys() >= set(asked):
            self.select(asked)

    @cached_property
    def plan(self) -> Plan:
        """The steps of the selected claims."""
        return make_plan(
            ((claim.suite, claim.entry) for claim in self.selected),
            seeds=self.options.seeds,
            more_images=self.options.more_images,
            device=self.options.device,
            hardware=hardware(self.options.device) if self.options.is_hardware_strict else "",
        )

    @cached_property
    def store(self) -> Store:
        """The artefact store."""
        return Store(self.options.store, self.options.run_id, is_fresh=self.options.is_fresh)

    @property
    def progress_folder(self) -> Path:
        """The folder in which the workers of this session report their progress."""
        return progress_folder(self.options.store, self.options.run_id)

    @cached_property
    def scheduler(self) -> Scheduler:
        """The scheduler of this worker's share of the steps."""
        reporter = Reporter(self.progress_folder, self.worker)
        return Scheduler(self.plan, self.store, reporter, self.options.device, self.workers)

    def outcome(self, node: str) -> Outcome:
        """Work until this claim is judged, and return its outcome.

        Raises:
            QamlError: a step failed for a reason that the user can act on.
        """
        if node in self.plan.unplanned:
            raise self.plan.unplanned[node]
        key = self.plan.claims[node].judge.key
        while True:
            self.scheduler.complete(key)
            try:
                outcome = read_outcome(self.store, key)
                self._complete_pictures(outcome)
            except Damaged as error:
                self.scheduler.forget(error.key)
            else:
                self._judged[key] = outcome
                return outcome.model_copy(update={"replay": self.replay(outcome)})

    def judged(self, key: str) -> Outcome:
        """The outcome with this key, which this process may know already; it must be in the store in any case.

        Raises:
            Damaged: the artefact is damaged and has been set aside, or is gone.
        """
        is_known = key in self._judged and self.store.has(key)
        return self._judged[key] if is_known else read_outcome(self.store, key)

    def help(self) -> None:
        """Execute steps of other workers' claims, once this worker has none left; those workers report errors."""
        if self.selected and self.workers > 1:
            with suppress(QamlError):
                self.scheduler.help()

    @cached_property
    def _typed(self) -> dict[str, str]:
        """Suite → its file, relative to the folder where the run was started."""
        return {suite.name: as_named(suite.path.resolve()) for suite in self.suites}

    def replay(self, outcome: Outcome) -> str:
        """The command that runs a claim again, from the folder where this run was started."""
        words = ["qaml", "run", self._typed[outcome.suite], "--claim", outcome.node, "--profile", outcome.profile]
        apart = ["--report", "reports/replay"]  # not over the report that shows this command
        return shlex.join([*words, *apart, *self.options.replay])

    def _complete_pictures(self, outcome: Outcome) -> None:
        """Make pictures again that have gone since the claim was judged: the report copies those that there are."""
        for strip in outcome.strips:
            for picture in strip.pictures:
                for file in (picture.clean, picture.adversarial, picture.perturbation):
                    key, _, name = file.partition("/")
                    try:
                        self.scheduler.complete(key)
                    except QamlError:
                        break  # it is no evidence
                    self.store.read(key, name)


def read_outcome(store: Store, key: str) -> Outcome:
    """The stored outcome of a claim.

    Raises:
        Damaged: the artefact is damaged and has been set aside.
    """
    return Outcome.model_validate_json(store.read_bytes(key, ARTEFACT))
