"""A trained classifier in the payload of steps: its description, and the parts whose code it runs."""

from __future__ import annotations

from typing import Any

from qaml.registry import Part
from qaml.spec.suite import ModelEntry, Paid, Suite


def described(suite: Suite, entry: ModelEntry) -> dict[str, Any]:
    """The description that rebuilds a trained classifier: architecture, defences, inference and dataset."""
    return {
        "model": entry.part,
        "defences": list(entry.defences),
        "inference": entry.inference,
        "dataset": suite.attacked_data(entry.dataset),
    }


def looked_at(suite: Suite, entry: ModelEntry, images: int | None) -> dict[str, Any]:
    """A payload of a trained classifier and the number of test images that a step uses; ``None`` for all of them."""
    return {"classifier": described(suite, entry), "images": images, "order": suite.evaluation.examples}


def paid(suite: Suite, entry: ModelEntry) -> dict[str, Any]:
    """The part of a payload that says who pays for a device; empty for a model that is measured on none."""
    device = entry.inference.device
    return {} if device is None else {"paid": Paid(suite=suite.name, account=suite.account(device))}


def restored(entry: ModelEntry) -> tuple[Part, ...]:
    """The parts whose code a trained classifier runs when it classifies inputs."""
    behind = (each for every in entry.inference.channels.values() for each in every)
    return (entry.part, *entry.defences, *nested(entry.part), *entry.inference.noise, *behind)


def nested(part: Part) -> tuple[Part, ...]:
    """The parts in the fields of a part, single or in a list, and in theirs."""
    values = [getattr(part, name) for name in type(part).model_fields]
    listed = [item for value in values for item in (value if isinstance(value, tuple) else (value,))]
    held = [item for item in listed if isinstance(item, Part)]
    return (*held, *(deeper for item in held for deeper in nested(item)))
