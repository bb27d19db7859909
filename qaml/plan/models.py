"""The steps of models: their data, their training runs, and their answers on clean images and adversarials."""

from __future__ import annotations

from typing import NamedTuple

from qaml.data.base import DatasetPart
from qaml.plan.classifier import looked_at, nested, paid, restored
from qaml.plan.kinds import StepKind
from qaml.plan.maker import StepMaker, named
from qaml.plan.role import Role, numbered
from qaml.plan.step import Step
from qaml.spec.suite import ModelEntry


class ModelSteps(NamedTuple):
    """The steps of one model of a suite.

    Attributes:
        entry: the model.
        data: loads all of its dataset, which training needs.
        load: loads the part of the dataset that is attacked and scored.
        trains: the training runs.
        clean: the answers of each training run on clean images.
        embedding: embeds its machine on an annealer's qubits; ``None`` for other models.
        inspections: compare the samples of each training run with its distribution; empty for other models.
    """

    entry: ModelEntry
    data: Step
    load: Step
    trains: tuple[Step, ...]
    clean: tuple[Step, ...]
    embedding: Step | None
    inspections: tuple[Step, ...]

    @property
    def first(self) -> dict[Role, Step]:
        """The parents of a step that reads the first training run."""
        return {Role("data"): self.load, Role("train"): self.trains[0]}

    @property
    def every(self) -> dict[Role, Step]:
        """The parents of a step that reads all training runs."""
        return {Role("data"): self.load} | numbered("train", self.trains)


class Evaluated(NamedTuple):
    """Images that a model classifies.

    Attributes:
        words: a description of the images, such as ``rbm with fgsm, seed 0``.
        craft: the step that makes adversarials of them; ``None`` for clean images.
        epsilons: the budgets that a minimising attack is evaluated at, which runs once for all of them; else ``None``.
    """

    words: str
    craft: Step | None = None
    epsilons: tuple[float, ...] | None = None


class ModelPlanner:
    """Plans each model of one suite once.

    Args:
        maker: maker of the suite's steps.
        seeds: number of training runs of every model, overriding the suite.
    """

    def __init__(self, maker: StepMaker, seeds: int | None) -> None:
        self._maker = maker
        self._suite = maker.suite
        self._seeds = seeds
        self._planned: dict[str, ModelSteps] = {}
        self.datasets: dict[str, str] = {}
        """The key of each load step → the dataset's name in the suite."""

    def steps(self, name: str) -> ModelSteps:
        """The steps of a model.

        Raises:
            QamlError: the model cannot be planned.
        """
        if name not in self._planned:
            with named(f"model {name!r}"):
                self._planned[name] = self._steps(self._suite.models[name])
        return self._planned[name]

    def _steps(self, entry: ModelEntry) -> ModelSteps:
        dataset = self._suite.datasets[entry.dataset]
        load = self._load(entry.dataset, self._suite.attacked_data(entry.dataset))
        trains = tuple(self._train(entry, replicate) for replicate in range(self._seeds or entry.seeds))
        clean = tuple(
            score(self._maker, entry, load, train, Evaluated(f"clean images, seed {run}"))
            for run, train in enumerate(trains)
        )
        data, embedding = self._load(entry.dataset, dataset), self._embedding(entry)
        inspected = trains if entry.part.is_inspected(dataset.info) else ()
        inspections = tuple(self._inspect(entry, replicate, data, train) for replicate, train in enumerate(inspected))
        return ModelSteps(entry, data, load, trains, clean, embedding, inspections)

    def _load(self, name: str, part: DatasetPart) -> Step:
        payload = {"dataset": part, "checksums": dict(part.checksums())}
        title = f"load {name}" if part == self._suite.datasets[name] else f"load {name} as tested"
        made = self._maker.make("load", title, payload, {}, (part, *part.transforms))
        self.datasets.setdefault(made.key, name)
        return made

    def _train(self, entry: ModelEntry, replicate: int) -> Step:
        """The step of a training run; it depends on the part, the defences and the data, not on names or inference."""
        parents = {Role("data"): self._load(entry.dataset, self._suite.datasets[entry.dataset])}
        if any(defence.needs_undefended for defence in entry.defences):
            twin = entry._replace(
                name=f"{entry.name} (undefended)",
                defences=tuple(d for d in entry.defences if not d.needs_undefended),
            )
            parents[Role("undefended")] = self._train(twin, replicate)
        if (start := entry.part.predecessor) is not None:
            parents[Role("start")] = self._train(self._suite.models[start], replicate)
        if (embedding := self._embedding(entry)) is not None:
            parents[Role("embedding")] = embedding
        crafts = {
            str(position): self._suite.attacks[name]
            for position, defence in enumerate(entry.defences)
            if (name := getattr(defence, "attack", None)) is not None
        }
        payload = {
            "model": entry.part,
            "defences": list(entry.defences),
            "crafts": crafts,
            "replicate": replicate,
            "dataset": self._suite.datasets[entry.dataset],
        } | ({"stream": entry.stream} if entry.stream else {})
        parts = (entry.part, *entry.defences, *crafts.values(), *nested(entry.part))
        size = 1.0 + 0.25 * entry.part.training.epochs * (2 if crafts else 1)
        return self._maker.make("train", f"train {entry.name}, seed {replicate}", payload, parents, parts, size=size)

    def _embedding(self, entry: ModelEntry) -> Step | None:
        """The step of an embedding, which all machines of the same size on the same annealer's graph share."""
        payload = entry.part.to_embed(self._suite.datasets[entry.dataset].info)
        return None if payload is None else self._maker.make("embed", f"embed {entry.name}", payload, {})

    def _inspect(self, entry: ModelEntry, replicate: int, data: Step, train: Step) -> Step:
        """The step that compares the sampler's estimates of the trained machine with its distribution."""
        parents = {Role("data"): data, Role("train"): train}
        payload = {"model": entry.part, "dataset": self._suite.datasets[entry.dataset]}
        return self._maker.make("inspect", f"inspect the samples of {entry.name}, seed {replicate}", payload, parents)


def score(maker: StepMaker, entry: ModelEntry, load: Step, train: Step, evaluated: Evaluated) -> Step:
    """The step with one training run's answers on clean images, or on adversarials."""
    craft, parents = evaluated.craft, {Role("data"): load, Role("train"): train}
    if craft is not None:
        parents[Role("attack")] = craft
    images = maker.n_attacked() if craft is None else craft.payload["images"]
    payload = looked_at(maker.suite, entry, images) | {"epsilons": evaluated.epsilons} | paid(maker.suite, entry)
    kind: StepKind = "evaluate" if entry.inference.device is None else "measure"
    return maker.make(kind, f"{kind} {entry.name} on {evaluated.words}", payload, parents, restored(entry))
