"""Which models of a suite are one trained network: the same settings train to the same weights."""

from __future__ import annotations

from typing import Any

from qaml.registry import references
from qaml.spec.suite import ModelEntry, Suite


def copied(suite: Suite, one: str, other: str) -> tuple[str, str] | None:
    """The relation of two models, and a remedy, where both are the same network; otherwise ``None``.

    A model that is derived from another one shares its weights on purpose and decides differently; that is no copy.
    """
    models = suite.models
    if one == other or one not in models or other not in models:
        return None
    first, second = models[one], models[other]
    if (first.derived_from or one) == (second.derived_from or other):
        if first.inference != second.inference:
            return None
        return f"{one!r} and {other!r} are one classifier", "give the derived one an 'inference' of its own"
    if not is_same_training(suite, first, second):
        return None
    message = f"{one!r} and {other!r} are one network: the same settings train to the same weights"
    if first.part.is_trained:
        return message, f"give {one!r} other weights"
    if first.inference != second.inference:
        return message, f"'stream: 1' trains {one!r} from draws of its own; 'derive' says that the weights are shared"
    return message, f"'stream: 1' in models.{one} trains it from draws of its own"


def is_same_training(suite: Suite, one: ModelEntry, other: ModelEntry) -> bool:
    """Whether two models, trained with the same seed, end in the same weights."""
    first, second = (_training(suite, entry, len(suite.models)) for entry in (one, other))
    return first is not None and first == second


def _training(suite: Suite, entry: ModelEntry, depth: int) -> tuple[Any, ...] | None:
    """The settings that the weights depend on, except the seed; ``None`` where a name is unknown."""
    dataset = suite.datasets.get(entry.dataset)
    start = entry.part.predecessor
    begun: tuple[Any, ...] | None = ()
    if start is not None:
        begun = _training(suite, suite.models[start], depth - 1) if start in suite.models and depth else None
    if dataset is None or begun is None:
        return None
    part = entry.part if start is None else entry.part.model_copy(update={"start_from": None})
    attacks = [suite.attacks.get(name) for _, table, name in references(entry.defences) if table == "attacks"]
    unnamed = [_unnamed(defence) for defence in entry.defences]
    return part, dataset, unnamed, attacks, begun, 0 if entry.part.is_trained else entry.stream


def _unnamed(part: Any) -> Any:
    """A defence without the names of attacks, because one attack may have several names."""
    named = {path[0] for path, table, _ in references(part) if table == "attacks" and len(path) == 1}
    return part.model_copy(update=dict.fromkeys(named))
