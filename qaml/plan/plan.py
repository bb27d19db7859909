"""From suites to the directed acyclic graph of steps that the selected claims need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

from qaml.attacks.elsewhere import MadeElsewhere
from qaml.claims.base import Cell
from qaml.claims.detectors.base import DetectorPart
from qaml.containment import error_in_words, exits_noticed
from qaml.data.base import DatasetPart
from qaml.errors import QamlError, RunError
from qaml.plan.digest import Digest, digest
from qaml.plan.step import Step, StepKind, make_step
from qaml.plan.words import in_words, model_in_words
from qaml.registry import Part, references
from qaml.spec.suite import ClaimEntry, ModelEntry, Suite

EXACT_IMAGES = 100
"""Test images on which a minimising attack is held against exact distances, at most."""
SAME = 1e-6
"""Relative difference of budgets that are one."""
MAX_STEPS = 30_000
"""Of a plan; three whole papers need 5,000."""
PICTURES = 6
"""Test images shown of each model and attack."""
POINTS = 100
"""Test examples shown as points, as in Huang & Zhang 2023, figure 2."""

STEP_MODULES: dict[StepKind, str] = {
    "load": "qaml.run.steps.load",
    "train": "qaml.run.steps.train",
    "attack": "qaml.run.steps.attack",
    "evaluate": "qaml.run.steps.evaluate",
    "surrogate": "qaml.run.steps.surrogate",
    "diagnose": "qaml.run.steps.diagnose",
    "plant": "qaml.run.steps.plant",
    "exact": "qaml.run.steps.exact",
    "nearer": "qaml.run.steps.nearer",
    "picture": "qaml.run.steps.picture",
    "portrait": "qaml.run.steps.portrait",
    "embed": "qaml.run.steps.embed",
    "inspect": "qaml.run.steps.inspect",
    "judge": "qaml.judge.step",
}
"""Where the code of each kind of step stands; each has ``execute(job)``."""


class ModelSteps(NamedTuple):
    """The steps of one model of a suite, a list entry a seed."""

    load: Step
    trains: tuple[Step, ...]
    clean: tuple[Step, ...]
    embedding: Step | None
    inspections: tuple[Step, ...]


class AttackSteps(NamedTuple):
    """The steps of one attack on one model; ``None`` where switched off.

    ``battery`` is at the attack's largest budget; what a claim asks at smaller ones has steps of its own.
    """

    crafts: tuple[Step, ...]
    scores: tuple[Step, ...]
    battery: Step | None
    planted: Step | None
    exact: Step | None
    picture: Step | None
    portrait: Step | None


class ClaimPlan(NamedTuple):
    """What one claim needs, by the suite's names."""

    suite: Suite
    entry: ClaimEntry
    models: Mapping[str, ModelSteps]
    attacks: Mapping[tuple[str, str], AttackSteps]
    judge: Step


class Plan(NamedTuple):
    """Every step of the selected claims, by key, and each claim's share of it, by ``suite::id``.

    A claim that cannot be planned, since a model of its own cannot, is ``unplanned``, with the reason.
    """

    steps: Mapping[str, Step]
    claims: Mapping[str, ClaimPlan]
    unplanned: Mapping[str, QamlError] = MappingProxyType({})


def make_plan(
    selected: Iterable[tuple[Suite, ClaimEntry]],
    *,
    seeds: int | None = None,
    more_images: int = 0,
    device: str = "cpu",
    hardware: str = "",
) -> Plan:
    """Plan the selected claims.

    Args:
        selected: claims with their suites.
        seeds: training runs of every model, overriding the suites.
        more_images: test images that are attacked and scored beyond those that the suites ask for.
        device: ``cpu`` or ``cuda``; results of different device classes are different steps.
        hardware: a name of the processor, where results of different processors are different steps, too.
    """
    steps: dict[str, Step] = {}
    claims: dict[str, ClaimPlan] = {}
    unplanned: dict[str, QamlError] = {}
    planners: dict[str, _Planner] = {}
    for suite, entry in selected:
        planner = planners.setdefault(suite.name, _Planner(suite, seeds, more_images, (device, hardware), steps))
        try:
            with exits_noticed():
                claims[f"{suite.name}::{entry.id}"] = planner.claim(entry)
        except QamlError as error:
            unplanned[f"{suite.name}::{entry.id}"] = error
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            unplanned[f"{suite.name}::{entry.id}"] = _unplannable("the claim", error)
    return Plan(steps, claims, unplanned)


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Whatever the parts of others, or their sources, have against being planned, as an error of theirs alone."""
    try:
        yield
    except QamlError as error:
        raise RunError(f"{what}: {error.message}", error.hint) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _unplannable(what, error) from error


def _unplannable(what: str, error: BaseException) -> RunError:
    return RunError(f"{what} cannot be planned: {error_in_words(error)}")


class _Planner:
    """Makes each step of one suite once."""

    def __init__(
        self, suite: Suite, seeds: int | None, more_images: int, machine: tuple[str, str], steps: dict[str, Step]
    ) -> None:
        self.suite = suite
        self.seeds = seeds
        self.more_images = more_images
        self.machine = machine
        self.steps = steps
        self.models: dict[str, ModelSteps] = {}
        self.attacks: dict[tuple[str, str], AttackSteps] = {}

    def step(
        self,
        kind: StepKind,
        title: str,
        payload: Mapping[str, Any],
        parents: Mapping[str, Step],
        parts: Iterable[Part],
        cost: float,
    ) -> Step:
        made = make_step(kind, title, payload, parents, _code(kind, parts), cost, *self.machine)
        if made.key not in self.steps:
            self._check_room()
        return self.steps.setdefault(made.key, made)

    def _check_room(self) -> None:
        """Refuse to go on where numbers of a stranger's make a plan without end.

        Raises:
            RunError: the plan is as long as it may be.
        """
        if len(self.steps) >= MAX_STEPS:
            raise RunError(
                f"the plan has more than {MAX_STEPS:,} steps", "ask for fewer seeds, models, attacks or claims"
            )

    # --- models

    def model(self, name: str) -> ModelSteps:
        if name not in self.models:
            with _named(f"model {name!r}"):
                self.models[name] = self._model(self.suite.models[name])
        return self.models[name]

    def _model(self, entry: ModelEntry) -> ModelSteps:
        load = self.load(entry.dataset, self.suite.datasets[entry.dataset].tested)
        n_seeds = self.seeds or entry.seeds
        trains = tuple(self.train(entry, replicate) for replicate in range(n_seeds))
        clean = tuple(self._score(entry, load, train, None) for train in trains)
        inspected = trains if entry.part.is_inspected(self.suite.datasets[entry.dataset].info) else ()
        return ModelSteps(load, trains, clean, self.embedding(entry), tuple(self._inspect(entry, t) for t in inspected))

    def load(self, name: str, part: DatasetPart) -> Step:
        """Training needs all of a dataset; what is attacked and scored depends on what of it is tested."""
        payload = {"dataset": part, "checksums": dict(part.checksums())}
        return self.step("load", f"load {name}", payload, {}, (part, *part.transforms), 2.0)

    def train(self, entry: ModelEntry, replicate: int) -> Step:
        """Training depends on the part, the defences and the data, not on names or inference."""
        parents = {"data": self.load(entry.dataset, self.suite.datasets[entry.dataset])}
        if any(defence.needs_undefended for defence in entry.defences):
            twin = entry._replace(
                name=f"{entry.name} (undefended)",
                defences=tuple(d for d in entry.defences if not d.needs_undefended),
            )
            parents["undefended"] = self.train(twin, replicate)
        if (start := getattr(entry.part, "start_from", None)) is not None:
            parents["start"] = self.train(self.suite.models[start], replicate)
        if (embedding := self.embedding(entry)) is not None:
            parents["embedding"] = embedding
        crafts = {
            str(position): self.suite.attacks[name]
            for position, defence in enumerate(entry.defences)
            if (name := getattr(defence, "attack", None)) is not None
        }
        payload = {
            "model": entry.part,
            "defences": list(entry.defences),
            "crafts": crafts,
            "replicate": replicate,
            "dataset": self.suite.datasets[entry.dataset],
        } | ({"stream": entry.stream} if entry.stream else {})
        parts = (entry.part, *entry.defences, *crafts.values(), *_nested(entry.part))
        cost = 2.0 + 0.5 * entry.part.training.epochs * (2 if crafts else 1)
        return self.step("train", f"train {entry.name}, seed {replicate}", payload, parents, parts, cost)

    def embedding(self, entry: ModelEntry) -> Step | None:
        """Chains depend on the annealer's graph and the machine's size, so one set serves every training run."""
        payload = entry.part.to_embed(self.suite.datasets[entry.dataset].info)
        return None if payload is None else self.step("embed", f"embed {entry.name}", payload, {}, (), 2.0)

    def _inspect(self, entry: ModelEntry, train: Step) -> Step:
        """Whether what the sampler says of the trained machine is so."""
        parents = {"data": self.load(entry.dataset, self.suite.datasets[entry.dataset]), "train": train}
        payload = {"model": entry.part, "dataset": self.suite.datasets[entry.dataset]}
        title = f"inspect the samples of {entry.name}, {train.title.rpartition(', ')[2]}"
        return self.step("inspect", title, payload, parents, (), 30.0)

    def _score(
        self,
        entry: ModelEntry,
        load: Step,
        train: Step,
        craft: Step | None,
        grid: tuple[float, ...] | None = None,
    ) -> Step:
        """Score clean images or adversarials; a minimisation attack runs once for whatever budgets are asked of it."""
        parents = {"data": load, "train": train} | ({"attack": craft} if craft is not None else {})
        payload = {
            "classifier": _classifier(self.suite, entry),
            "images": self._images() if craft is None else craft.payload["images"],
            "order": self.suite.evaluation.order,
            "epsilons": grid,
        }
        title = f"evaluate {entry.name} on {craft.title.removeprefix('attack ') if craft else 'clean images'}"
        return self.step("evaluate", title, payload, parents, _restored(entry), 1.0)

    def _images(self, *limits: int | None) -> int | None:
        """How many test images are attacked and scored."""
        smallest = min_images(self.suite.evaluation.images, *limits)
        return None if smallest is None else smallest + self.more_images

    # --- attacks

    def attack(self, model: str, attack: str) -> AttackSteps:
        if (model, attack) not in self.attacks:
            with _named(f"attack {attack!r} on {model!r}"):
                self.attacks[model, attack] = self._attack(self.suite.models[model], attack)
        return self.attacks[model, attack]

    def _attack(self, entry: ModelEntry, name: str) -> AttackSteps:
        part = self.suite.attacks[name]
        steps = self.model(entry.name)
        is_elsewhere = isinstance(part, MadeElsewhere)
        inner: Any = part.resolved(self.suite.attacks[part.attack]) if isinstance(part, MadeElsewhere) else part
        crafts = tuple(self._craft(entry, name, inner, replicate) for replicate in range(len(steps.trains)))
        scores = tuple(
            self._score(entry, steps.load, train, craft, inner.grid if inner.minimises else None)
            for train, craft in zip(steps.trains, crafts, strict=True)
        )
        diagnosed = not is_elsewhere and self._is_diagnosed(inner)
        return AttackSteps(
            crafts,
            scores,
            self._battery(entry, inner) if diagnosed else None,
            # minimising attacks take seconds an image, and the battery already compares them at their budget
            self._planted(entry, name, inner) if diagnosed and not inner.minimises else None,
            self._exact(entry, name, inner) if not is_elsewhere and self._has_exact(entry, inner) else None,
            self._picture(entry, name, steps, crafts[0]),
            self._portrait(entry, name, steps, crafts[0]),
        )

    def _craft(self, entry: ModelEntry, name: str, inner: Any, replicate: int) -> Step:
        """Adversarials are made on the model itself or on those that the attack names; they start from the target's
        defended images."""  # noqa: D205, D209
        part = self.suite.attacks[name]
        is_elsewhere = isinstance(part, MadeElsewhere)
        makers = [self.suite.models[maker] for maker in part.makers] if isinstance(part, MadeElsewhere) else [entry]
        data_defences = [d for d in entry.defences if d.defends_data]
        roles = {f"train {number}" if number else "train": maker for number, maker in enumerate(makers)}
        payload = {
            "attack": inner.model_copy(update={"epsilon": None}) if inner.minimises else inner,
            **self._made_on(roles, part),
            "dataset": self.suite.datasets[entry.dataset].tested,
            "start_from": data_defences,
            "images": self._images(part.images, inner.images),
            "order": self.suite.evaluation.order,
        }
        parents = {"data": self.model(entry.name).load}
        for role, maker in roles.items():
            trains = self.model(maker.name).trains
            parents[role] = trains[replicate % len(trains)]
        title = f"attack {' + '.join(m.name for m in makers)} with {getattr(part, 'attack', name)}, seed {replicate}"
        if is_elsewhere and data_defences:
            title += f", from the images of {entry.name}"
        restored = (each for maker in makers for each in _restored(maker))
        parts = (inner, *((part,) if len(makers) > 1 else ()), *restored, *data_defences)
        return self.step("attack", title, payload, parents, parts, 4.0 * len(inner.grid))

    def _made_on(self, makers: Mapping[str, ModelEntry], part: Any) -> dict[str, Any]:
        """The classifier that is attacked, or those (by their parents' roles) that are attacked at once, and how."""
        classifiers = {role: _classifier(self.suite, maker) for role, maker in makers.items()}
        return {"classifiers": classifiers, "joint": part} if len(makers) > 1 else {"classifier": classifiers["train"]}

    def _is_diagnosed(self, inner: Any) -> bool:
        return bool(self.suite.diagnostics.enabled and inner.is_white_box and not inner.needs_exact and _finite(inner))

    def _battery(self, entry: ModelEntry, attack: Any) -> Step:
        """The validity battery depends on the threat (norm, largest budget), not on the attack that is judged."""
        return self._diagnosed(entry, attack.threat_norm, attack.grid[-1], None)

    def weaker(self, model: str, attack: str, epsilons: Iterable[float]) -> tuple[Step, ...]:
        """The battery's best member at smaller budgets that a claim asks for, increasing."""
        leader = self.attack(model, attack).battery
        if leader is None:
            return ()
        norm, largest = leader.payload["norm"], leader.payload["epsilon"]
        asked = sorted({epsilon for epsilon in epsilons if 0 < epsilon < largest * (1 - SAME)})
        return tuple(self._diagnosed(self.suite.models[model], norm, epsilon, leader) for epsilon in asked)

    def _diagnosed(self, entry: ModelEntry, norm: str, epsilon: float, leader: Step | None) -> Step:
        steps = self.model(entry.name)
        parents = {"data": steps.load, "surrogate": self._surrogate(entry)}
        parents |= {f"train {run}": train for run, train in enumerate(steps.trains)}
        if leader is not None:
            parents["leader"] = leader
        payload = {
            "classifier": _classifier(self.suite, entry),
            "norm": norm,
            "epsilon": epsilon,
            "images": min_images(self.suite.diagnostics.images, self.suite.evaluation.images),
            "order": self.suite.evaluation.order,
        }
        title = f"diagnose {entry.name} in {norm} at {epsilon:g}"
        return self.step("diagnose", title, payload, parents, _restored(entry), 8.0 if leader is None else 3.0)

    def _surrogate(self, entry: ModelEntry) -> Step:
        """The battery's own, taught by the first training run: a model of the suite may be broken, or masked itself."""
        parents = {
            "data": self.load(entry.dataset, self.suite.datasets[entry.dataset]),
            "train": self.model(entry.name).trains[0],
        }
        described = _classifier(self.suite, entry)
        payload = {"classifier": {**described, "dataset": self.suite.datasets[entry.dataset]}}
        title = f"teach a surrogate of {entry.name}"
        return self.step("surrogate", title, payload, parents, _restored(entry), 2.0)

    def _planted(self, entry: ModelEntry, name: str, attack: Any) -> Step:
        """Whether this very attack finds adversarials that are known to exist."""
        steps = self.model(entry.name)
        payload = {
            "classifier": _classifier(self.suite, entry),
            "attack": attack,
            "epsilon": attack.grid[-1],
            "order": self.suite.evaluation.order,
        }
        parents = {"data": steps.load, "train": steps.trains[0]}
        parts = (*_restored(entry), attack)
        return self.step("plant", f"plant adversarials in {entry.name} for {name}", payload, parents, parts, 2.0)

    def _has_exact(self, entry: ModelEntry, inner: Any) -> bool:
        """Whether exact distances may be known that this attack should come near."""
        is_asked = self.suite.diagnostics.enabled and inner.minimises and not inner.needs_exact
        return bool(is_asked and inner.threat_norm == "l2" and entry.part.has_exact_distances)

    def _exact(self, entry: ModelEntry, name: str, attack: Any) -> Step:
        """Whether this very attack comes near the exact distances."""
        steps = self.model(entry.name)
        limits = (self.suite.diagnostics.images, self.suite.evaluation.images, attack.images, EXACT_IMAGES)
        payload = {
            "classifier": _classifier(self.suite, entry),
            "attack": attack.model_copy(update={"epsilon": None, "images": None}),
            "images": min_images(*limits),
            "order": self.suite.evaluation.order,
        }
        parents = {"data": steps.load, "train": steps.trains[0]}
        parts = (*_restored(entry), attack)
        return self.step("exact", f"exact distances of {entry.name} for {name}", payload, parents, parts, 8.0)

    def nearer(self, cells: Sequence[Cell]) -> dict[str, Step]:
        """Role → smallest perturbations by other attacks, for cells about the norms that their own attacks found."""
        found: dict[str, Step] = {}
        for cell in cells if self.suite.diagnostics.enabled else ():
            for name in cell.attack if cell.metric == "norm_quantile" else ():
                attack: Any = self.suite.attacks[name]
                if not isinstance(attack, MadeElsewhere) and attack.minimises and attack.is_white_box:
                    found[f"nearer {cell.model} {name}"] = self._nearer(self.suite.models[cell.model], attack)
        return found

    def _nearer(self, entry: ModelEntry, attack: Any) -> Step:
        steps = self.model(entry.name)
        payload = {
            "classifier": _classifier(self.suite, entry),
            "norm": attack.threat_norm,
            "images": min_images(self.suite.diagnostics.images, self.suite.evaluation.images, EXACT_IMAGES),
            "order": self.suite.evaluation.order,
        }
        parents = {"data": steps.load} | {f"train {run}": train for run, train in enumerate(steps.trains)}
        title = f"nearest adversarials of {entry.name} in {attack.threat_norm}"
        return self.step("nearer", title, payload, parents, _restored(entry), 8.0)

    def _picture(self, entry: ModelEntry, name: str, steps: ModelSteps, craft: Step) -> Step | None:
        if not self.suite.datasets[entry.dataset].info.is_image:
            return None
        payload = {"classifier": _classifier(self.suite, entry), "count": PICTURES}
        parents = {"data": steps.load, "train": steps.trains[0], "attack": craft}
        return self.step("picture", f"pictures of {entry.name} under {name}", payload, parents, _restored(entry), 0.5)

    def _portrait(self, entry: ModelEntry, name: str, steps: ModelSteps, craft: Step) -> Step | None:
        """Where there is something to draw: two features, or the states of a circuit with one measured wire."""
        is_circuit = "finite_difference" in entry.part.gradient_rules
        if self.suite.datasets[entry.dataset].info.n_features != 2 and not is_circuit:
            return None
        seed = steps.trains[0].seed  # of the untrained weights
        payload = {"classifier": _classifier(self.suite, entry), "count": POINTS, "trained_from": seed}
        parents = {"data": steps.load, "train": steps.trains[0], "attack": craft}
        return self.step("portrait", f"portrait of {entry.name} under {name}", payload, parents, _restored(entry), 0.5)

    # --- claims

    def claim(self, entry: ClaimEntry) -> ClaimPlan:
        self._check_room()
        cells = entry.part.cells(self.suite.reported)
        detectors = self._detectors(entry)
        shown = {(cell.model, name) for cell in cells for name in cell.attack}
        pairs = [pair for detector in detectors.values() for pair in detector.pairs(self.suite.attacks)]
        models = {name: self.model(name) for name in (*(c.model for c in cells), *(model for model, _ in pairs))}
        attacks = {
            pair: self.attack(*pair) for pair in (*((c.model, name) for c in cells for name in c.attack), *pairs)
        }
        surrogates = self._surrogates(entry, detectors.values())
        evaluated = models | {name: self.model(name) for name in surrogates}
        parents = {f"clean {m} {s}": step for m, steps in evaluated.items() for s, step in enumerate(steps.clean)}
        parents |= {f"data {m}": steps.load for m, steps in models.items()}
        parents |= {f"train {m} {s}": step for m, steps in models.items() for s, step in enumerate(steps.trains)}
        parents |= {f"inspect {m} {s}": step for m, steps in models.items() for s, step in enumerate(steps.inspections)}
        parents |= {f"embed {m}": steps.embedding for m, steps in models.items() if steps.embedding is not None}
        for (model, attack), steps in attacks.items():
            parents |= {f"attack {model} {attack} {s}": step for s, step in enumerate(steps.scores)}
            extras = {
                "battery": steps.battery,
                "plant": steps.planted,
                "exact": steps.exact,
                "picture": steps.picture,
                "portrait": steps.portrait,
            }
            # a detector hears attacks, and draws none of them
            wanted = extras if (model, attack) in shown else {role: extras[role] for role in ("battery", "plant")}
            parents |= {f"{role} {model} {attack}": step for role, step in wanted.items() if step is not None}
            if (model, attack) in shown:
                weaker = self.weaker(model, attack, self._budgets(cells, model, attack))
                parents |= {f"weaker {model} {attack} {place}": step for place, step in enumerate(weaker)}
        parents |= self.nearer(cells)
        payload = {
            "suite": self.suite.name,
            "id": entry.id,
            "statement": entry.statement,
            "claim": entry.part,
            "expected": entry.expected,
            "paper_says": entry.paper_says,
            "reported": dict(self.suite.reported),
            "assumed": dict(self.suite.assumed),
            "attacks": self._with_inner({attack for _, attack in attacks}),
            "detectors": detectors,
            "surrogates": surrogates,
            "setting": {name: self._in_words(self.suite.models[name]) for name in models}
            | {name: in_words(self.suite.attacks[name]) for name in sorted({a for _, a in attacks})}
            | {name: in_words(detector) for name, detector in detectors.items()},
            "unseen": sorted({r for steps in models.values() for step in steps.trains for r in step.code.remarks}),
            "profile": self.suite.profile,
            "yaml": entry.yaml,
            "line": entry.line,
            "case": entry.case,
            "file": self.suite.path.name,
        }
        judge = self.step("judge", f"judge {entry.id}", payload, parents, (entry.part, *detectors.values()), 0.2)
        return ClaimPlan(self.suite, entry, models, attacks, judge)

    def _budgets(self, cells: Sequence[Cell], model: str, attack: str) -> Iterator[float]:
        """The budgets at which a claim's cells are decided on this model, where this attack is one of theirs."""
        for cell in cells:
            if cell.model != model or attack not in cell.attack:
                continue
            if isinstance(cell.epsilon, float):
                yield cell.epsilon
                continue
            grids = [self._grid(name) for name in cell.attack]
            shared = [e for e in grids[0] if all(any(abs(e - f) <= SAME * e for f in grid) for grid in grids[1:])]
            if cell.epsilon == "every" or cell.metric == "epsilon_at":
                yield from shared
            elif shared:
                yield shared[-1]

    def _grid(self, attack: str) -> tuple[float, ...]:
        part = self.suite.attacks[attack]
        inner: Any = part.resolved(self.suite.attacks[part.attack]) if isinstance(part, MadeElsewhere) else part
        return tuple(inner.grid)

    def _detectors(self, entry: ClaimEntry) -> dict[str, DetectorPart]:
        names = dict.fromkeys(name for _, table, name in references(entry.part) if table == "detectors")
        return {name: self.suite.detectors[name] for name in names}

    def _surrogates(self, entry: ClaimEntry, detectors: Iterable[DetectorPart]) -> dict[str, tuple[Any, ...]]:
        """The models with a reference that the claim's attacks are made on: these attacks, and the reference."""
        made: dict[str, dict[str, None]] = {}
        for cell in entry.part.cells(self.suite.reported):
            for name in cell.attack:
                part = self.suite.attacks[name]
                for maker in part.makers if isinstance(part, MadeElsewhere) else ():
                    made.setdefault(maker, {})[name] = None
        for detector in detectors:
            for name in detector.mixture(self.suite.attacks):
                for maker in detector.makers(name, self.suite.attacks):
                    made.setdefault(maker, {})[name] = None
        references = {name: self.suite.models[name].reference for name in made}
        return {name: (tuple(made[name]), *held) for name, held in references.items() if held is not None}

    def _in_words(self, entry: ModelEntry) -> str:
        return model_in_words(entry, self.suite.datasets[entry.dataset].caveat)

    def _with_inner(self, names: set[str]) -> dict[str, Any]:
        """These attacks, and those that transferred ones are made with."""
        inner = {part.attack for name in names if isinstance(part := self.suite.attacks[name], MadeElsewhere)}
        return {name: self.suite.attacks[name] for name in sorted(names | inner)}


def min_images(*limits: int | None) -> int | None:
    """The smallest limit that is set."""
    present = [limit for limit in limits if limit is not None]
    return min(present) if present else None


def _finite(attack: Any) -> bool:
    return bool(attack.grid[-1] != float("inf"))


def _classifier(suite: Suite, entry: ModelEntry) -> dict[str, Any]:
    """What rebuilds a trained classifier: architecture, what stands around it, how it decides."""
    return {
        "model": entry.part,
        "defences": list(entry.defences),
        "inference": entry.inference,
        "dataset": suite.datasets[entry.dataset].tested,
    }


def _restored(entry: ModelEntry) -> tuple[Part, ...]:
    """The parts whose code a trained classifier runs when it is asked."""
    return (entry.part, *entry.defences, *_nested(entry.part), *entry.inference.noise)


def _nested(part: Part) -> tuple[Part, ...]:
    """Parts that are fields of a part, alone or in a list."""
    values = [getattr(part, name) for name in type(part).model_fields]
    listed = [item for value in values for item in (value if isinstance(value, tuple) else (value,))]
    return tuple(item for item in listed if isinstance(item, Part))


def _code(kind: StepKind, parts: Iterable[Part]) -> Digest:
    """The step's own code and that of its parts."""
    chosen = list(parts)
    own = {type(part).__module__ for part in chosen}
    modules = {STEP_MODULES[kind], *own, *(module for part in chosen for module in part.source_modules)}
    return digest(modules, {name for part in chosen for name in part.what_it_reads})


def ancestors(plan: Plan, key: str, is_done: Callable[[str], bool] = lambda _: False) -> dict[str, Step]:
    """A step and everything it is made of, by key; what lies behind a step that is done is left out."""
    found: dict[str, Step] = {}
    queue = [key]
    while queue:
        current = queue.pop()
        if current in found or is_done(current):
            continue
        if current not in plan.steps:
            raise RunError(f"the plan has no step {current[:12]}")
        found[current] = plan.steps[current]
        queue.extend(plan.steps[current].parents.values())
    return found
