"""A trained classifier, rebuilt from its description and its weights, with its inference and its defences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qaml.attacks.base import AttackPart, Target
from qaml.defences.base import DefencePart
from qaml.plan.role import Role
from qaml.types import Bounds, FloatArray, InputInfo, Module

if TYPE_CHECKING:
    from qaml.models.base import ModelPart
    from qaml.run.job import Job


WEIGHTS = "weights.safetensors"


def restore(description: Mapping[str, Any], weights: Path, device: str) -> Module:
    """The defended classifier in evaluation mode, with frozen parameters."""
    from safetensors.torch import load_file

    part, info = description["model"], description["dataset"].info
    module = part.build(info, 0)
    module.load_state_dict(load_file(weights))
    module.to(device)
    module.eval()
    module.requires_grad_(False)
    return wrapped(as_asked(module, description), description["defences"], info)


def trained(job: Job, description: Mapping[str, Any], run: int | None = None) -> Module:
    """The classifier of one of the training runs that the job reads; with ``run`` ``None``, of the only one."""
    return restore(description, job.read(Role("train", replicate=run), WEIGHTS), job.device)


def as_asked(module: Module, description: Mapping[str, Any]) -> Module:
    """A classifier with the description's inference (noise, noise layers); another package's is wrapped by checks."""
    from qaml.models.edge import at_edge

    part: ModelPart = description["model"]
    inference = description.get("inference")
    if inference is not None:
        module = part.at_inference(module, inference.noise_layers)
        if inference.noise:
            module = part.noisy(module, inference.noise)
        if inference.channels:
            module = part.disturbed(module, inference.channels)
    module.eval()
    return at_edge(module, part.capabilities) if part.runs_foreign_code else module


def wrapped(module: Module, defences: Sequence[DefencePart], info: InputInfo) -> Module:
    """The classifier with the defences that are part of it; inputs pass through the first defence first."""
    from qaml.models.edge import defended_at_edge

    for defence in reversed(defences):
        if defence.is_inside:
            classifier, module = module, defence.wrap(module, info)
            if defence.runs_foreign_code:
                module = defended_at_edge(module, classifier, randomises=defence.randomises)
    module.eval()
    return module


def defended(inputs: FloatArray, defences: Sequence[DefencePart], info: InputInfo) -> FloatArray:
    """Inputs after the defences that change data; the given arrays are not changed."""
    for defence in defences:
        if defence.defends_data:
            given = inputs.copy() if defence.runs_foreign_code else inputs
            inputs = defence.defend_inputs(given, info)
    return inputs


def target(module: Module, info: InputInfo, attack: AttackPart | None = None) -> Target:
    """The classifier as an attacker sees it; with ``attack`` its box takes the place of the bounds."""
    return Target(module, info.bounds if attack is None else attack.box_within(info.bounds), info.n_classes)


def in_box(info: InputInfo, payload: Mapping[str, Any]) -> InputInfo:
    """The description with the box of the threat that a step is about, where that has one of its own, as bounds."""
    box = payload.get("box")
    return info if box is None else info._replace(bounds=Bounds.between(box))
