"""The examination of a suite: every dataset, model and attack that its claims need, each in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from qaml.attacks.elsewhere import computing, makers
from qaml.data.base import DatasetPart
from qaml.doctor.budgets import look_at_budgets
from qaml.doctor.chart import CHART, Chart, Seen, seen
from qaml.doctor.faults import SubjectKind
from qaml.errors import Location, QamlError
from qaml.plan.canonical import canonical
from qaml.plan.digest import Digest
from qaml.plan.step import Step, parts_in
from qaml.registry import references
from qaml.run.costs.work import Sizes, model_name
from qaml.run.isolation.apart import perform_apart
from qaml.run.isolation.errors import Crashed, Overdue
from qaml.run.isolation.request import request_of
from qaml.run.store import Store
from qaml.spec.load import as_typed, places
from qaml.spec.nodes import Path as Place
from qaml.spec.nodes import dotted
from qaml.spec.suite import ModelEntry, Suite

FOREIGN_SECONDS, OWN_SECONDS, DATASET_SECONDS = 10.0, 60.0, 120.0
"""Longest examination of a user's model, of one of qaml's, whose kernels may be compiled at their first use, and of a
dataset, on an idle machine."""
FIELDS: Mapping[str, Place] = {
    "budget_too_small": ("epsilon",),
    "budget_not_reached": ("steps",),
    "code_missing": ("factory",),
    "weights_refused": ("weights",),
    "learning_rate": ("training", "lr"),
    "not_enough_memory": ("training", "batch"),
}
"""The field of an entry that a fault is about; other faults are about the whole entry."""
UNUSABLE = frozenset({"data_unreadable", "data_refused", "code_ended", "too_slow"})
"""Faults of a dataset with which none of its models can be asked anything."""


class Needed(NamedTuple):
    """What the claims of a suite need, by name and in the order of the suite.

    Attributes:
        datasets: datasets of the models.
        models: models that are measured, or that attacks are made on.
        attacks: attack → the datasets on whose inputs it is computed.
    """

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    attacks: Mapping[str, tuple[str, ...]]


class Examined(NamedTuple):
    """One entry of a suite after its examination.

    Attributes:
        kind: dataset, model or attack.
        name: name in the suite.
        chart: what was seen and measured.
        seconds: time that it took.
        like: the model that is the same to the doctor, and was examined in its place.
        skipped: why it was not examined.
    """

    kind: SubjectKind
    name: str
    chart: Chart
    seconds: float = 0.0
    like: str = ""
    skipped: str = ""

    def passes(self, suite: Suite) -> Iterator[tuple[str, float]]:
        """The model's name among costs, at inference and in training, and seconds of one example's pass there."""
        entry = suite.models[self.name]
        part, dataset = entry.part, suite.datasets[entry.dataset]
        numbers = self.chart.numbers
        at_inference = numbers.get("both", numbers.get("forward"))
        for seconds, is_training in ((at_inference, False), (numbers.get("training"), True)):
            if seconds:
                yield model_name(part, dataset, is_training=is_training), seconds

    @property
    def sizes(self) -> Sizes | None:
        """Examples of the model's dataset, if they were counted."""
        numbers = self.chart.numbers
        return Sizes(int(numbers["n_train"]), int(numbers["n_test"])) if "n_train" in numbers else None


class Places:
    """The places of a suite's entries in its file."""

    def __init__(self, suite: Suite) -> None:
        self._file = as_typed(suite.path)
        self._document, _ = places(suite)

    def of(self, examined: Examined, fault: str) -> tuple[Location, str]:
        """Where the field is that a fault is about, and its dotted path."""
        entry: Place = (f"{examined.kind}s", examined.name)
        field = FIELDS.get(fault, ())
        node = self._document.at(entry)
        for step in field:
            child = node.child(step)
            if child is None:
                break
            node, entry = child, (*entry, step)
        mark = node.key_mark
        return Location(self._file, mark.line, mark.column), dotted(entry)


def needed(suite: Suite) -> Needed:
    """What the suite's claims need."""
    pairs: dict[tuple[str, str | None], None] = {}
    for claim in suite.claims:
        for cell in claim.part.cells(suite.reported):
            pairs |= dict.fromkeys((cell.model, name) for name in (*cell.attack, None))
        for _, table, name in references(claim.part):
            if table == "detectors":
                pairs |= dict.fromkeys(suite.detectors[name].pairs(suite.attacks))
    on: dict[str, dict[str, None]] = {}
    models: dict[str, None] = {}
    for model, attack in pairs:
        holders = makers(suite.attacks, attack) if attack is not None else ()
        models |= dict.fromkeys((model, *holders))
        if attack is not None:
            on.setdefault(attack, {}).update(dict.fromkeys(suite.models[name].dataset for name in holders or (model,)))
    for name in list(models):
        models |= dict.fromkeys(_behind(suite, name))
    kept = tuple(name for name in suite.models if name in models)
    datasets = {suite.models[name].dataset for name in kept}
    attacks = {name: tuple(on[name]) for name in suite.attacks if name in on}
    return Needed(tuple(name for name in suite.datasets if name in datasets), kept, attacks)


def _behind(suite: Suite, name: str) -> Iterator[str]:
    """The models whose weights a model starts from or shares."""
    entry = suite.models[name]
    for other in (entry.derived_from, entry.part.predecessor):
        if other is not None:
            yield other
            yield from _behind(suite, other)


def examine(suite: Suite, say: Callable[[str], None] = lambda _: None) -> Iterator[Examined]:
    """Examine what the suite's claims need: datasets, then models, then attacks; yield each when it is done.

    Args:
        suite: the suite at a profile.
        say: called with words about the present look.
    """
    need, refused = needed(suite), dict[str, str]()
    for name in need.datasets:
        found = _apart("dataset", name, {"dataset": suite.datasets[name]}, say, DATASET_SECONDS)
        if faults := found.chart.names & UNUSABLE:
            refused[name] = next(iter(faults))
        yield found
    done: dict[str, str] = {}
    for name in need.models:
        entry = suite.models[name]
        if entry.dataset in refused:
            yield Examined("model", name, Chart(), skipped=f"its dataset {entry.dataset!r} cannot be used")
            continue
        payload = _payload(entry, suite.datasets[entry.dataset])
        same = done.setdefault(canonical(payload), name)
        seconds = FOREIGN_SECONDS if any(each.runs_foreign_code for each in parts_in(payload)) else OWN_SECONDS
        yield (
            _apart("model", name, payload, say, seconds)
            if same == name
            else Examined("model", name, Chart(), 0.0, same)
        )
    for name, datasets in need.attacks.items():
        chart = Chart()
        for dataset in datasets:
            chart.add(*look_at_budgets(computing(suite.attacks, name), suite.datasets[dataset].info, dataset))
        yield Examined("attack", name, chart)


def timed(entry: ModelEntry, dataset: DatasetPart, say: Callable[[str], None]) -> Examined:
    """A model of which only time and memory are measured."""
    return _apart("model", entry.name, _payload(entry, dataset) | {"is_timed_only": True}, say, OWN_SECONDS)


def _payload(entry: ModelEntry, dataset: DatasetPart) -> dict[str, Any]:
    """What a model is to the doctor: defences that only change its training change nothing that is looked at."""
    defences = [each for each in entry.defences if each.is_inside or each.defends_data]
    return {
        "model": entry.part,
        "dataset": dataset,
        "defences": defences,
        "inference": entry.inference,
        "is_taught": entry.derived_from is None,
    }


def _apart(
    kind: SubjectKind, name: str, payload: Mapping[str, Any], say: Callable[[str], None], seconds: float
) -> Examined:
    """Examine in a process of its own, whose end is one more fault."""
    start = time.perf_counter()
    with TemporaryDirectory(prefix="qaml-doctor-") as folder:
        ends = list(_performed(f"{kind} {name}", payload, Path(folder), say, seconds))
        chart = Chart.read(Path(folder) / CHART)
    chart.add(*(_ended(kind, chart, each) for each in ends))
    return Examined(kind, name, chart, time.perf_counter() - start)


def _performed(
    title: str, payload: Mapping[str, Any], folder: Path, say: Callable[[str], None], seconds: float
) -> Iterator[Seen]:
    step = Step("load", "doctor", title, {}, payload, 0, 1.0, Digest("", ()))
    try:
        request = request_of(step, {}, "qaml.doctor.step", Store(folder / "store"), folder, "cpu")
        say(title)
        report = perform_apart(request, lambda _, words: say(f"{title}: {words}"), seconds * busyness())
    except Overdue as error:
        yield seen("too_slow", error.message)
    except Crashed as error:
        yield seen("code_ended", str(error))
    except QamlError as error:
        yield seen("code_ended", error.message, error.hint)
    else:
        if report.changes:
            yield seen("changes_process", "; ".join(report.changes))


def _ended(kind: SubjectKind, chart: Chart, found: Seen) -> Seen:
    """The fault with what was being looked at."""
    if found.fault == "changes_process":
        return found
    return found._replace(seen=f"{found.seen}, while the doctor looked at: {chart.doing or f'the {kind}'}")


def busyness() -> float:
    """How many times longer everything takes for want of a free core, at least 1."""
    if not hasattr(os, "getloadavg"):
        return 1.0
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def is_healthy(examined: Sequence[Examined]) -> bool:
    """Whether no fault was seen; notes do not count."""
    return not any(each.gravity == "fault" for one in examined for each in one.chart.seen)
