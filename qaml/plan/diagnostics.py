"""The steps that show whether an attack can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qaml.budgets import is_under
from qaml.plan.classifier import described, looked_at, restored
from qaml.plan.maker import StepMaker
from qaml.plan.models import ModelSteps
from qaml.plan.role import Role
from qaml.plan.step import Step

EXACT_IMAGES = 100
"""Largest number of test images on which a minimising attack is compared with exact distances."""
ASKED_IMAGES = 100
"""Largest number of test images on which a model without gradients is diagnosed: it is asked some ten thousand times an
image, which takes ten minutes if an answer takes half a millisecond."""
BEST_ALONE = 0.375
"""Share of the battery's work that its best member takes."""


def battery(maker: StepMaker, model: ModelSteps, attack: Any) -> Step | None:
    """The validity battery of a threat (norm, largest budget, box, access), which all attacks of the threat share."""
    return (
        _diagnosed(maker, model, _threat(attack) | {"epsilon": attack.grid[-1]})
        if _is_diagnosed(maker, attack)
        else None
    )


def weaker(maker: StepMaker, model: ModelSteps, leader: Step, epsilons: Iterable[float]) -> tuple[Step, ...]:
    """The steps that run the battery's best member at smaller budgets, smallest first.

    Args:
        maker: maker of the suite's steps.
        model: the attacked model.
        leader: the battery at the attack's largest budget.
        epsilons: the budgets that a claim asks for.
    """
    threat = {name: leader.payload[name] for name in ("norm", "epsilon", "box", "gradients") if name in leader.payload}
    largest = threat["epsilon"]
    asked = sorted({epsilon for epsilon in epsilons if epsilon > 0 and is_under(epsilon, largest)})
    return tuple(_diagnosed(maker, model, threat | {"epsilon": epsilon}, leader) for epsilon in asked)


def planted(maker: StepMaker, model: ModelSteps, name: str, attack: Any) -> Step | None:
    """The step that checks whether this attack finds planted adversarials; ``None`` if it is not checked."""
    if not (_is_diagnosed(maker, attack) and attack.is_white_box) or attack.minimises:
        return None  # minimising attacks take seconds an image, and the battery already compares them at their budget
    suite, entry = maker.suite, model.entry
    payload = {"classifier": described(suite, entry), "order": suite.evaluation.examples}
    payload |= {"attack": attack, "epsilon": attack.grid[-1]}
    title = f"plant adversarials in {entry.name} for {name}"
    return maker.make("plant", title, payload, model.first, (*restored(entry), attack))


def exact(maker: StepMaker, model: ModelSteps, name: str, attack: Any) -> Step | None:
    """The step that compares this attack with exact distances; ``None`` if the model has none."""
    entry, is_asked = model.entry, maker.suite.diagnostics.enabled and attack.minimises and not attack.needs_exact
    if not (is_asked and attack.threat_norm == "l2" and entry.part.has_exact_distances):
        return None
    payload = looked_at(maker.suite, entry, maker.n_diagnosed(attack.images, EXACT_IMAGES))
    payload["attack"] = attack.model_copy(update={"epsilon": None, "images": None, "box": None})
    title = f"exact distances of {entry.name} for {name}"
    return maker.make("exact", title, payload, model.first, (*restored(entry), attack))


def nearer(maker: StepMaker, model: ModelSteps, attack: Any) -> Step | None:
    """The step that searches smaller perturbations by other attacks, for claims about the norms that this one found."""
    if not (maker.suite.diagnostics.enabled and attack.minimises and _is_on_model(attack)):
        return None
    entry = model.entry
    payload = looked_at(maker.suite, entry, maker.n_diagnosed(EXACT_IMAGES)) | _threat(attack)
    title = f"nearest adversarials of {entry.name} in {attack.threat_norm}{_in_words(payload)}"
    return maker.make("nearer", title, payload, model.every, restored(entry))


def _threat(attack: Any) -> dict[str, Any]:
    """The norm, the attack's box if it has one of its own, and that no gradients count against one that only asks."""
    box = {} if attack.box is None else {"box": attack.box}
    return {"norm": attack.threat_norm} | box | ({} if attack.is_white_box else {"gradients": False})


def _in_words(payload: Mapping[str, Any]) -> str:
    return "" if payload.get("gradients", True) else ", without gradients"


def _is_on_model(attack: Any) -> bool:
    return attack.is_white_box or attack.asks is not None


def _is_diagnosed(maker: StepMaker, attack: Any) -> bool:
    is_bounded = attack.grid[-1] != float("inf")
    return bool(maker.suite.diagnostics.enabled and _is_on_model(attack) and not attack.needs_exact and is_bounded)


def _diagnosed(maker: StepMaker, model: ModelSteps, threat: Mapping[str, Any], leader: Step | None = None) -> Step:
    entry = model.entry
    parents = model.every | {Role("surrogate"): _surrogate(maker, model)}
    if leader is not None:
        parents[Role("leader")] = leader
    limits = () if entry.part.has_gradients else (ASKED_IMAGES,)
    payload = looked_at(maker.suite, entry, maker.n_diagnosed(*limits)) | dict(threat)
    title, size = (
        f"diagnose {entry.name} in {threat['norm']} at {threat['epsilon']:g}{_in_words(threat)}",
        1.0 if leader is None else BEST_ALONE,
    )
    return maker.make("diagnose", title, payload, parents, restored(entry), size=size)


def _surrogate(maker: StepMaker, model: ModelSteps) -> Step:
    """The battery's own surrogate, trained on the first run's answers: models of the suite may be masked themselves."""
    entry, parents = model.entry, {Role("data"): model.data, Role("train"): model.trains[0]}
    payload = {"classifier": described(maker.suite, entry) | {"dataset": maker.suite.datasets[entry.dataset]}}
    return maker.make("surrogate", f"teach a surrogate of {entry.name}", payload, parents, restored(entry))
