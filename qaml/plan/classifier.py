"""A trained classifier as steps are given it: what rebuilds it, and whose code it runs."""

from __future__ import annotations

from typing import Any

from qaml.registry import Part
from qaml.spec.suite import ModelEntry, Suite


def described(suite: Suite, entry: ModelEntry) -> dict[str, Any]:
    """What rebuilds a trained classifier: architecture, what is around it, how it decides."""
    return {
        "model": entry.part,
        "defences": list(entry.defences),
        "inference": entry.inference,
        "dataset": suite.datasets[entry.dataset].tested,
    }


def looked_at(suite: Suite, entry: ModelEntry, images: int | None) -> dict[str, Any]:
    """A trained classifier, and which test images a step looks at; None for all of them."""
    return {"classifier": described(suite, entry), "images": images, "order": suite.evaluation.order}


def restored(entry: ModelEntry) -> tuple[Part, ...]:
    """The parts whose code a trained classifier runs when it is asked."""
    return (entry.part, *entry.defences, *nested(entry.part), *entry.inference.noise)


def nested(part: Part) -> tuple[Part, ...]:
    """Parts that are fields of a part, alone or in a list."""
    values = [getattr(part, name) for name in type(part).model_fields]
    listed = [item for value in values for item in (value if isinstance(value, tuple) else (value,))]
    return tuple(item for item in listed if isinstance(item, Part))
