"""A trained classifier, rebuilt from its description and its weights; and how a randomised one decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qaml.attacks.base import Target
from qaml.defences.base import DefencePart

if TYPE_CHECKING:
    from torch import nn

    from qaml.types import FloatArray, InputInfo

WEIGHTS = "weights.safetensors"


def restore(description: Mapping[str, Any], weights: Path, device: str) -> nn.Module:
    """The defended classifier in evaluation mode, its parameters frozen."""
    from safetensors.torch import load_file

    info: InputInfo = description["dataset"].info
    module = description["model"].build(info, 0)
    module.load_state_dict(load_file(weights))
    module.to(device).eval().requires_grad_(False)
    inference = description.get("inference")
    if inference is not None:
        module = description["model"].at_inference(module, inference.noise_layers)
        if inference.noise:
            module = description["model"].noisy(module, inference.noise).eval()
    return wrapped(module, description["defences"], info)


def wrapped(module: nn.Module, defences: Sequence[DefencePart], info: InputInfo) -> nn.Module:
    """The classifier with the defences that stand inside it; inputs pass the first one first."""
    for defence in reversed(defences):
        if not is_data_defence(defence):
            module = defence.wrap(module, info)
    return module.eval()


def is_data_defence(defence: DefencePart) -> bool:
    """Whether the defence changes data before any attack."""
    return getattr(defence, "where", "classifier") == "data"


def defended(inputs: FloatArray, defences: Sequence[DefencePart], info: InputInfo) -> FloatArray:
    """Inputs behind the defences that change data."""
    for defence in defences:
        if is_data_defence(defence):
            inputs = defence.defend_inputs(inputs, info)
    return inputs


def target(module: nn.Module, info: InputInfo) -> Target:
    """The classifier as an attacker sees it."""
    return Target(module, info.bounds, info.n_classes)
