"""The steps of attacks: adversarials, answers on them, and checks of the attack."""

from __future__ import annotations

from typing import Any, NamedTuple

from qaml.attacks.base import AttackPart
from qaml.attacks.elsewhere import MadeElsewhere, computing, makers
from qaml.plan.classifier import described, paid, restored
from qaml.plan.diagnostics import battery, exact, planted
from qaml.plan.drawings import picture, portrait
from qaml.plan.kinds import StepKind
from qaml.plan.maker import StepMaker, named
from qaml.plan.models import Evaluated, ModelPlanner, ModelSteps, score
from qaml.plan.role import Role
from qaml.plan.step import Step


class AttackSteps(NamedTuple):
    """The steps of one attack on one model; ``None`` for steps that are switched off or do not apply.

    ``battery`` is at the attack's largest budget; smaller budgets of a claim have steps of their own.
    """

    crafts: tuple[Step, ...]
    scores: tuple[Step, ...]
    battery: Step | None
    planted: Step | None
    exact: Step | None
    picture: Step | None
    portrait: Step | None


class Resolved(NamedTuple):
    """An attack of a suite on one of its models, every name resolved.

    Attributes:
        model: the model that classifies the adversarials.
        name: name of the attack in the suite.
        part: the attack as written.
        inner: the attack that computes the adversarials; the part itself, unless they are made on other models.
        makers: the models that the adversarials are made on.
    """

    model: ModelSteps
    name: str
    part: AttackPart
    inner: Any
    makers: tuple[ModelSteps, ...]

    def in_words(self, run: int) -> str:
        """Which adversarials, such as ``rbm with fgsm, seed 0``."""
        made_on = " + ".join(maker.entry.name for maker in self.makers)
        if not isinstance(self.part, MadeElsewhere):
            return f"{made_on} with {self.name}, seed {run}"
        is_start_defended = any(defence.defends_data for defence in self.model.entry.defences)
        start = f", from the images of {self.model.entry.name}" if is_start_defended else ""
        return f"{made_on} with {self.part.attack}, seed {run}{start}"


class AttackPlanner:
    """Plans each attack on each model of one suite once.

    Args:
        maker: maker of the suite's steps.
        models: planner of the suite's models.
    """

    def __init__(self, maker: StepMaker, models: ModelPlanner) -> None:
        self._maker = maker
        self._models = models
        self._planned: dict[tuple[str, str], AttackSteps] = {}

    def steps(self, model: str, attack: str) -> AttackSteps:
        """The steps of an attack on a model.

        Raises:
            QamlError: the attack cannot be planned.
        """
        if (model, attack) not in self._planned:
            with named(f"attack {attack!r} on {model!r}"):
                self._planned[model, attack] = self._steps(self._models.steps(model), attack)
        return self._planned[model, attack]

    def _steps(self, model: ModelSteps, name: str) -> AttackSteps:
        maker, attacks = self._maker, self._maker.suite.attacks
        inner: Any = computing(attacks, name)
        others = tuple(self._models.steps(other) for other in makers(attacks, name))
        attack = Resolved(model, name, attacks[name], inner, others or (model,))
        crafts = tuple(_craft(maker, attack, run) for run in range(len(model.trains)))
        scores = tuple(
            score(maker, model.entry, model.load, train, _evaluated(attack, run, craft))
            for run, (train, craft) in enumerate(zip(model.trains, crafts, strict=True))
        )
        return AttackSteps(
            crafts,
            scores,
            None if others else battery(maker, model, inner),
            None if others else planted(maker, model, name, inner),
            None if others else exact(maker, model, name, inner),
            picture(maker, model, name, crafts[0]),
            portrait(maker, model, name, crafts[0]),
        )


def _evaluated(attack: Resolved, run: int, craft: Step) -> Evaluated:
    return Evaluated(attack.in_words(run), craft, attack.inner.grid if attack.inner.minimises else None)


def _craft(maker: StepMaker, attack: Resolved, run: int) -> Step:
    """The step that makes adversarials on the model itself or on the models that the attack names.

    They start from the images as the target's defences change them.
    """
    suite, target, inner = maker.suite, attack.model.entry, attack.inner
    data_defences = [defence for defence in target.defences if defence.defends_data]
    made_on = {Role("train", replicate=number or None): made for number, made in enumerate(attack.makers)}
    parents = {role: made.trains[run % len(made.trains)] for role, made in made_on.items()}
    classifiers = {str(role): described(suite, made.entry) for role, made in made_on.items()}
    is_joint = len(made_on) > 1
    payload = {
        "attack": inner.model_copy(update={"epsilon": None}) if inner.minimises else inner,
        "dataset": suite.attacked_data(target.dataset),
        "start_from": data_defences,
        "images": maker.n_attacked(attack.part.images, inner.images),
        "order": suite.evaluation.examples,
    } | ({"classifiers": classifiers, "joint": attack.part} if is_joint else {"classifier": classifiers["train"]})
    kind: StepKind = "ask" if inner.asks_device else "attack"
    payload |= paid(suite, attack.makers[0].entry) if inner.asks_device else {}
    behind = (part for made in attack.makers for part in restored(made.entry))
    parts = (inner, *((attack.part,) if is_joint else ()), *behind, *data_defences)
    title, parents = f"attack {attack.in_words(run)}", {Role("data"): attack.model.load} | parents
    return maker.make(kind, title, payload, parents, parts, size=len(inner.grid))
