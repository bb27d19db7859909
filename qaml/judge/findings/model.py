"""Evidence about a model without attacks, for findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from qaml.judge.source import Repeats
from qaml.metrics.evidence import Clean
from qaml.plan.judged import Surrogate


class ModelEvidence(NamedTuple):
    """A model without attacks.

    Attributes:
        model: name of the model.
        clean: its answers to clean images.
        history: training curves, one mapping a seed.
        repeats: number of test examples among the training examples; ``None`` if they were not counted.
        inspections: results of inspecting its samples, one mapping a seed.
        surrogate: its reference accuracy, if attacks are made on it and it has one.
        is_divided: whether the claim has a metric that divides by its clean accuracy.
    """

    model: str
    clean: Clean
    history: Sequence[Mapping[str, Sequence[float]]] = ()
    repeats: Repeats | None = None
    inspections: Sequence[Mapping[str, Any]] = ()
    surrogate: Surrogate | None = None
    is_divided: bool = False

    @property
    def attack(self) -> None:
        """Always ``None``, since there is no attack."""
