"""Expected seconds of steps, from what like steps took in this store, or in the runs of qaml's own suites.

Shipped seconds are another machine's. A short computation shows how fast this one is, and the store's own records
correct that as they come.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qaml.plan.step import Step
from qaml.run.costs.records import Record, note, noted
from qaml.run.costs.work import Sizes, Work, source_of, work_of
from qaml.run.store import DATA_RECORD, Store

SHIPPED = Path(__file__).with_name("shipped.json")
PASS, TRAIN, TEST = "pass", "training examples", "test examples"
"""Names of records that are about no step: of one example's pass through a model, and of a dataset's examples."""
_ABOUT = frozenset({PASS, TRAIN, TEST})
_LEAST = 0.05
"""Share of a kind's steps below whose seconds lies what such a step takes without any work."""
_MOST_LEAST = 0.5
"""Most seconds that a step may take without any work."""
_MANY = 20
"""Number of steps of a kind from which on the shortest ones say what such a step takes without any work."""
_TRUST = 20.0
"""Seconds of own records from which on they say more of this machine's speed than the short computation."""
_MOST_DATA = 1 << 20


class Rates(NamedTuple):
    """What earlier steps took.

    Attributes:
        sums: name → seconds beyond the least ones, and units, of all its steps.
        kin: name → the same seconds, and units times the seconds of a pass, of its steps whose models were measured.
        passes: model → seconds of a pass of one example, with gradients if it has any.
        sizes: source → examples of its splits.
        least: kind → seconds of a step without work.
        memory: name → least peak memory of a process in which such a step ran, in MiB.
    """

    sums: Mapping[str, tuple[float, float]]
    kin: Mapping[str, tuple[float, float]]
    passes: Mapping[str, float]
    sizes: Mapping[str, Sizes]
    least: Mapping[str, float]
    memory: Mapping[str, float]

    def own(self, work: Work) -> float | None:
        """Seconds at the rate of steps that are alike but for their scale."""
        return self._at(self.sums, work, work.names[0], work.units)

    def like(self, work: Work, name: str) -> float | None:
        """Seconds at the rate of the steps of a name, for any models."""
        return self._at(self.sums, work, name, work.units)

    def in_passes(self, work: Work, name: str, one: float) -> float | None:
        """Seconds at the rate of the steps of a name, if a pass takes ``one`` second."""
        return self._at(self.kin, work, name, work.units * one)

    def _at(self, sums: Mapping[str, tuple[float, float]], work: Work, name: str, units: float) -> float | None:
        seconds, total = sums.get(name, (0.0, 0.0))
        return self.least.get(work.names[-1], 0.0) + units * seconds / total if total > 0 else None


def rates(records: Iterable[Record]) -> Rates:
    """Rates of all names of some records."""
    kept = list(records)
    passes: dict[str, float] = {}
    sizes: dict[str, Sizes] = {}
    kinds: dict[str, list[float]] = {}
    for (names, units, about), seconds, _ in kept:
        if names == (PASS,):
            passes[about] = min(seconds, passes.get(about, seconds))
        elif names in ((TRAIN,), (TEST,)):
            sizes[about] = sizes.get(about, Sizes())._replace(**{"train" if names == (TRAIN,) else "test": int(units)})
        else:
            kinds.setdefault(names[-1], []).append(seconds)
    least = {
        kind: min(sorted(all_)[int(_LEAST * len(all_))], _MOST_LEAST)
        for kind, all_ in kinds.items()
        if len(all_) >= _MANY
    }
    found = Rates({}, {}, passes, sizes, least, {})
    return found._replace(**_summed(kept, found))


def _summed(records: Iterable[Record], known: Rates) -> dict[str, Any]:
    sums: dict[str, tuple[float, float]] = {}
    kin: dict[str, tuple[float, float]] = {}
    memory: dict[str, float] = {}
    for work, seconds, peak in records:
        if work.names[-1] in _ABOUT:
            continue
        rest = max(seconds - known.least.get(work.names[-1], 0.0), seconds / 10)
        for name in work.names:
            _add(sums, name, rest, work.units)
            memory[name] = min(memory.get(name, peak), peak)
            if work.model in known.passes and name != work.names[0]:
                _add(kin, name, rest, work.units * known.passes[work.model])
    return {"sums": sums, "kin": kin, "memory": memory}


def _add(sums: dict[str, tuple[float, float]], name: str, seconds: float, units: float) -> None:
    before = sums.get(name, (0.0, 0.0))
    sums[name] = before[0] + seconds, before[1] + units


class Shipped(NamedTuple):
    """What qaml's own suites took.

    Attributes:
        speed: seconds of the short computation on that machine.
        rates: what the steps took.
    """

    speed: float
    rates: Rates


@cache
def shipped() -> Shipped:
    """The shipped costs."""
    content = json.loads(SHIPPED.read_text(encoding="utf-8"))
    sums, kin = ({name: (float(a), float(b)) for name, (a, b) in content[each].items()} for each in ("sums", "kin"))
    sizes = {source: Sizes(*numbers) for source, numbers in content["sizes"].items()}
    return Shipped(content["speed"], Rates(sums, kin, content["passes"], sizes, content["least"], {}))


@cache
def speed() -> float:
    """Seconds of a processor for a short computation, half in Python and half in arrays: the least of a few."""
    values = np.linspace(0.0, 1.0, 50_000, dtype=np.float32)
    found = []
    for _ in range(5):
        start = time.process_time()
        sum(number for number in range(100_000))
        for _ in range(20):
            np.tanh(values)
        found.append(time.process_time() - start)
    return min(found)


class Costs:
    """Estimates for the steps of a plan, by the records of a store.

    Args:
        steps: all steps of the plan, by key.
        store: the store.
    """

    def __init__(self, steps: Mapping[str, Step], store: Store) -> None:
        self._steps = steps
        self._store = store
        self._sizes: dict[str, Sizes] = {}
        self._found: dict[str, float] = {}
        self._passes: dict[str, float] = {}
        self._rates: tuple[Rates, float] | None = None

    def seconds(self, step: Step) -> float:
        """Expected seconds of a step on one core."""
        if step.key not in self._found:
            self._found[step.key] = self.estimate(self.work(step), step.cost)
        return self._found[step.key]

    def memory(self, step: Step) -> float | None:
        """Expected peak memory of a process that runs the step, in MiB; ``None`` where nothing is known."""
        (own, _), work = self._known(), self.work(step)
        return next((own.memory[name] for name in work.names if name in own.memory), None)

    def work(self, step: Step) -> Work:
        """The work of a step; where a part cannot be compared with others, just one of its kind."""
        try:
            return work_of(step, lambda: self._sizes_of(step))
        except Exception:  # of foreign parts: a field without equality, a number that is none
            return Work((step.kind,), 1.0)

    def note(self, step: Step, seconds: float, memory: float) -> None:
        """Record what a step took that has just been stored."""
        note(self._store.root, Record(self.work(step), max(seconds, 1e-3), max(memory, 1.0)))

    def know_pass(self, model: str, seconds: float) -> None:
        """Estimate from now on by this many seconds of a pass of one example through a model."""
        self._passes[model] = seconds
        self._found.clear()

    def note_pass(self, model: str, seconds: float) -> None:
        """Record the seconds of a pass of one example through a model."""
        self.know_pass(model, seconds)
        note(self._store.root, Record(Work((PASS,), 1.0, model), seconds, 1.0))

    def note_sizes(self, source: str, sizes: Sizes) -> None:
        """Record how many examples a dataset has."""
        for name, number in ((TRAIN, sizes.train), (TEST, sizes.test)):
            note(self._store.root, Record(Work((name,), float(number), source), 1.0, 1.0))

    def is_measured(self, step: Step) -> bool:
        """Whether the estimate rests on like steps, or on a measured pass through the step's model, or has no model."""
        work, (own, _) = self.work(step), self._known()
        known = (own, shipped().rates)
        return not work.model or any(work.names[0] in each.sums or work.model in each.passes for each in known)

    def estimate(self, work: Work, usual: float) -> float:
        """Expected seconds of this work; ``usual`` where nothing is known of its kind."""
        own, factor = self._known()
        there = shipped().rates
        if (seconds := own.own(work)) is not None:
            return seconds
        if (seconds := there.own(work)) is not None:
            return factor * seconds
        one = self._passes.get(work.model) or own.passes.get(work.model) or factor * there.passes.get(work.model, 0.0)
        kin = work.names[1:]
        tries = [rates.in_passes(work, name, one) for name in kin for rates in (own, there)] if one else []
        tries += [rates.like(work, name) for name in kin for rates in (own, there)]
        return next((seconds for seconds in tries if seconds is not None), usual)

    def _known(self) -> tuple[Rates, float]:
        """The store's own rates, and how much longer than the shipped seconds a step takes here."""
        if self._rates is None:
            records = list(noted(self._store.root))
            here, there = _TRUST * speed() / shipped().speed, _TRUST
            for work, seconds, _ in records:
                if (expected := shipped().rates.own(work)) is not None:
                    here, there = here + seconds, there + expected
            self._rates = rates(records), here / there
        return self._rates

    def _sizes_of(self, step: Step) -> Sizes:
        """The sizes of the dataset that a step reads, itself or through the steps that it is made from."""
        queue, seen = [step], {step.key}
        for current in queue:
            if current.kind == "load":
                return self._loaded(current)
            parents = [parent for parent in current.parents.values() if parent not in seen]
            seen.update(parents)
            queue.extend(self._steps[parent] for parent in parents)
        return Sizes()

    def _loaded(self, load: Step) -> Sizes:
        if load.key not in self._sizes:
            recorded = _recorded(self._store, load)
            if recorded is None:  # a guess until it is loaded, by any worker
                source, (own, _) = source_of(load.payload["dataset"]), self._known()
                return own.sizes.get(source) or shipped().rates.sizes.get(source) or Sizes()
            self._sizes[load.key] = recorded
        return self._sizes[load.key]


def _recorded(store: Store, load: Step) -> Sizes | None:
    try:
        content = json.loads((store.folder(load.key) / DATA_RECORD).read_bytes()[:_MOST_DATA])
        return Sizes(int(content["train"]["examples"]), int(content["test"]["examples"]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
