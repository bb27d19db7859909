"""What a suite will roughly take: the plan's own estimate, with what was measured where that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qaml.attacks.base import AttackPart
from qaml.doctor.examination import Examined
from qaml.plan.canonical import canonical
from qaml.plan.step import Step
from qaml.spec.suite import Suite

OVERHEAD = 0.5
"""Seconds that a step takes beside its passes."""


def expected_seconds(steps: Iterable[Step], suite: Suite, examined: Iterable[Examined]) -> float:
    """Seconds on one core: measured ones for training and gradient steps of attacks, the plan's for all other work."""
    measured = {
        canonical(suite.models[one.name].part): one.chart.numbers
        for one in examined
        if one.kind == "model" and not one.like
    }
    return sum(_seconds(step, measured) for step in steps)


def _seconds(step: Step, measured: Mapping[str, Mapping[str, float]]) -> float:
    """Seconds of the passes through a model that was measured, or the plan's seconds."""
    held = step.payload.get("classifier", step.payload)
    part = held.get("model") if isinstance(held, Mapping) else None
    numbers = measured.get(canonical(part), {}) if part is not None else {}
    both = numbers.get("both")
    if part is None or both is None or step.kind not in ("train", "attack"):
        return step.cost
    if step.kind == "train":
        passes = 1 + sum(_passes(attack) for attack in step.payload["crafts"].values())
        return OVERHEAD + float(numbers["n_train"] * part.training.epochs * both * passes)
    images = min(step.payload["images"] or numbers["n_test"], numbers["n_test"])
    attack: AttackPart = step.payload["attack"]
    return OVERHEAD + float(images) * both * _passes(attack) * len(attack.grid)


def _passes(attack: AttackPart) -> float:
    """Gradient steps of an attack on one image at one budget, as far as its settings say."""
    settings: dict[str, Any] = attack.model_dump()
    found = 1.0
    for name in ("steps", "restarts", "eot"):
        value = settings.get(name)
        found *= value if isinstance(value, int) and not isinstance(value, bool) else 1.0
    return found


def in_words(seconds: float) -> str:
    """A rough duration."""
    if seconds < 120:
        return f"{max(seconds, 1):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
