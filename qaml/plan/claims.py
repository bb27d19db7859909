"""The steps of one claim: all steps that its verdict reads, and the judge's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from qaml.attacks.base import AttackPart
from qaml.attacks.elsewhere import MadeElsewhere, computing, makers
from qaml.budgets import shared_budgets
from qaml.claims.base import Cell
from qaml.claims.detectors.base import DetectorPart
from qaml.data.chosen import Chosen
from qaml.plan.attacks import AttackPlanner, AttackSteps
from qaml.plan.diagnostics import nearer, weaker
from qaml.plan.judged import JudgedClaim, Surrogate
from qaml.plan.maker import StepMaker
from qaml.plan.models import ModelPlanner, ModelSteps
from qaml.plan.role import Role, numbered
from qaml.plan.step import Step
from qaml.plan.words import in_words, model_in_words
from qaml.registry import references
from qaml.spec.suite import ClaimEntry, Suite


class ClaimPlan(NamedTuple):
    """The steps that one claim needs, by the suite's names.

    Attributes:
        suite: the suite of the claim.
        entry: the claim.
        models: name of each model → its steps.
        attacks: names of each model and attack → their steps.
        judge: the claim's last step.
        datasets: key of each load step of the suite → the dataset's name.
    """

    suite: Suite
    entry: ClaimEntry
    models: Mapping[str, ModelSteps]
    attacks: Mapping[tuple[str, str], AttackSteps]
    judge: Step
    datasets: Mapping[str, str]


class ClaimPlanner:
    """Plans the claims of one suite.

    Args:
        maker: maker of the suite's steps.
        seeds: training runs of every model, overriding the suite.
    """

    def __init__(self, maker: StepMaker, seeds: int | None) -> None:
        self._maker = maker
        self._suite = maker.suite
        self._models = ModelPlanner(maker, seeds)
        self._attacks = AttackPlanner(maker, self._models)

    def plan(self, entry: ClaimEntry) -> ClaimPlan:
        """Every step of a claim.

        Raises:
            QamlError: a model or an attack that the claim needs cannot be planned.
        """
        self._maker.check_room()
        suite, cells = self._suite, entry.part.cells(self._suite.reported)
        detectors = self._detectors(entry)
        heard = [pair for detector in detectors.values() for pair in detector.pairs(suite.attacks)]
        shown = {(cell.model, name): None for cell in cells for name in cell.attack}
        models = {m: self._models.steps(m) for m in (*(cell.model for cell in cells), *(model for model, _ in heard))}
        attacks = {pair: self._attacks.steps(*pair) for pair in (*shown, *heard)}
        surrogates = self._surrogates(cells, detectors.values())
        parents: dict[Role, Step] = {}
        for name, steps in (models | {name: self._models.steps(name) for name in surrogates}).items():
            parents |= numbered("clean", steps.clean, name)
        for name, steps in models.items():
            parents |= _of_model(name, steps)
        for (model, attack), made in attacks.items():
            parents |= numbered("attack", made.scores, model, attack)
            parents |= _checks(model, attack, made)
            if (model, attack) in shown:  # attacks that only a detector uses are not drawn
                parents |= _drawn(model, attack, made)
                parents |= numbered("weaker", self._weaker(models[model], made, cells, attack), model, attack)
        parents |= self._nearer(cells)
        names = {attack for _, attack in attacks}
        claim = JudgedClaim(
            suite=suite.name,
            file=suite.path.name,
            profile=suite.profile,
            entry=entry,
            reported=dict(suite.reported),
            assumed=dict(suite.assumed),
            attacks=self._with_inner(names),
            detectors=detectors,
            surrogates=surrogates,
            setting=self._setting(models, names, detectors),
            caveats=self._caveats(models.values()),
            unseen=tuple(sorted({r for made in models.values() for train in made.trains for r in train.code.remarks})),
        )
        parts = (entry.part, *detectors.values(), *{cell.metric: cell.definition for cell in cells}.values())
        judge = self._maker.make("judge", f"judge {entry.id}", {"claim": claim}, parents, parts)
        return ClaimPlan(suite, entry, models, attacks, judge, self._models.datasets)

    def _weaker(self, model: ModelSteps, made: AttackSteps, cells: Sequence[Cell], attack: str) -> tuple[Step, ...]:
        if made.battery is None:
            return ()
        return weaker(self._maker, model, made.battery, self._budgets(cells, model.entry.name, attack))

    def _budgets(self, cells: Sequence[Cell], model: str, attack: str) -> Iterator[float]:
        """The budgets at which a claim's cells with this model and this attack are decided."""
        for cell in cells:
            if cell.model != model or attack not in cell.attack:
                continue
            if isinstance(cell.epsilon, float):
                yield cell.epsilon
                continue
            shared = shared_budgets([computing(self._suite.attacks, name).grid for name in cell.attack])
            if cell.epsilon == "every" or cell.definition.budget == "every":
                yield from shared
            elif shared:
                yield shared[-1]

    def _nearer(self, cells: Sequence[Cell]) -> dict[Role, Step]:
        """The steps that search nearer adversarials, for cells about the norms that attacks found."""
        asked = [cell for cell in cells if cell.definition.basis == "norms"]
        pairs = {(c.model, name): None for c in asked for name in c.attack if not makers(self._suite.attacks, name)}
        return _present(
            {
                Role("nearer", model, name): nearer(self._maker, self._models.steps(model), self._suite.attacks[name])
                for model, name in pairs
            }
        )

    def _detectors(self, entry: ClaimEntry) -> dict[str, DetectorPart]:
        names = dict.fromkeys(name for _, table, name in references(entry.part) if table == "detectors")
        return {name: self._suite.detectors[name] for name in names}

    def _surrogates(self, cells: Sequence[Cell], detectors: Iterable[DetectorPart]) -> dict[str, Surrogate]:
        """The models with a reference that the claim's attacks are made on."""
        made: dict[str, dict[str, None]] = {}
        for cell in cells:
            for name in cell.attack:
                for maker in makers(self._suite.attacks, name):
                    made.setdefault(maker, {})[name] = None
        for detector in detectors:
            for name in detector.mixture(self._suite.attacks):
                for maker in makers(self._suite.attacks, name):
                    made.setdefault(maker, {})[name] = None
        references = {name: self._suite.models[name].reference for name in made}
        return {name: Surrogate(tuple(made[name]), *held) for name, held in references.items() if held is not None}

    def _with_inner(self, names: set[str]) -> dict[str, AttackPart]:
        """These attacks by name, and the attacks that transferred ones are made with."""
        parts = (self._suite.attacks[name] for name in names)
        inner = {part.attack for part in parts if isinstance(part, MadeElsewhere)}
        return {name: self._suite.attacks[name] for name in sorted(names | inner)}

    def _setting(
        self, models: Iterable[str], attacks: Iterable[str], detectors: Mapping[str, DetectorPart]
    ) -> dict[str, str]:
        return (
            {name: model_in_words(self._suite.models[name]) for name in models}
            | {name: in_words(self._suite.attacks[name]) for name in sorted(attacks)}
            | {name: in_words(detector) for name, detector in detectors.items()}
        )

    def _caveats(self, models: Iterable[ModelSteps]) -> dict[str, str]:
        datasets = {model.entry.dataset: self._suite.datasets[model.entry.dataset] for model in models}
        examples = self._suite.evaluation.examples
        chosen = examples.in_words if isinstance(examples, Chosen) else ""
        caveats = {name: "; ".join(filter(None, (dataset.caveat, chosen))) for name, dataset in datasets.items()}
        return {name: caveat for name, caveat in caveats.items() if caveat}


def _of_model(name: str, steps: ModelSteps) -> dict[Role, Step]:
    """The steps of a model that a verdict reads, except its answers."""
    found = {Role("data", name): steps.load} | numbered("train", steps.trains, name)
    return found | numbered("inspect", steps.inspections, name) | _present({Role("embed", name): steps.embedding})


def _checks(model: str, attack: str, steps: AttackSteps) -> dict[Role, Step]:
    """The steps that show whether an attack can be trusted."""
    return _present({Role("battery", model, attack): steps.battery, Role("plant", model, attack): steps.planted})


def _drawn(model: str, attack: str, steps: AttackSteps) -> dict[Role, Step]:
    """The steps that only a claim about the attack itself reads."""
    drawings = {Role("picture", model, attack): steps.picture, Role("portrait", model, attack): steps.portrait}
    return _present({Role("exact", model, attack): steps.exact} | drawings)


def _present(steps: Mapping[Role, Step | None]) -> dict[Role, Step]:
    return {role: step for role, step in steps.items() if step is not None}
