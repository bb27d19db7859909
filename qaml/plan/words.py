"""Descriptions of parts in words, for readers of a verdict, with the position of each defence."""

from __future__ import annotations

from typing import Any

from qaml.defences.base import DefencePart
from qaml.registry import Part
from qaml.spec.suite import ModelEntry

POSITIONS = {
    "data": "before the attack: training and test images are defended, and the attack starts from the defended image",
    "classifier": "inside the classifier, and the attack goes through it",
}


def in_words(part: Part) -> str:
    """A part's kind and its fields, such as ``fgsm: norm linf, epsilon 0.1``."""
    fields = part.model_dump(mode="json", exclude={"kind", "where"}, serialize_as_any=True)
    shown = ", ".join(f"{name} {_value(value)}" for name, value in fields.items() if value not in (None, [], {}))
    return f"{part.kind}: {shown}" if shown else part.kind


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{name} {_value(item)}" for name, item in value.items() if item not in (None, [], {}))
        return f"({inner})"
    if isinstance(value, list):
        return " ".join(_value(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _position(defence: DefencePart) -> str:
    positions = {"data": defence.defends_data, "classifier": defence.is_inside}
    return "; ".join(POSITIONS[name] for name, is_there in positions.items() if is_there) or "in training"


def model_in_words(entry: ModelEntry) -> str:
    """A model, its data, its training runs, and its defences with their positions."""
    runs = f"on {entry.dataset}, {entry.seeds} training run{'s' if entry.seeds > 1 else ''}"
    runs += f" of stream {entry.stream}" if entry.stream else ""
    defences = [f"{in_words(d)}; {_position(d)}" for d in entry.defences]
    said, rule = [f"{in_words(entry.part)}; {runs}", *(f"Defence {text}" for text in defences)], entry.inference
    if rule.noise or rule.channels:
        noise = rule.model_dump(mode="json", include={"noise", "channels"}, serialize_as_any=True)
        shown = ", ".join(f"{name} {_value(value)}" for name, value in noise.items() if value)
        said.append(f"At inference with {shown}, which training did not have; attacks on it see this noise")
    if rule.device is not None:
        said.append(
            f"Measured on {rule.device} with {rule.shots:,} shots an image; attacks that do not ask the device are "
            "made on the exact circuit and transferred"
        )
    return ". ".join(said)
