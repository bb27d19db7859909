"""What findings look at in a model by itself, without attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from qaml.judge.source import Repeats
from qaml.metrics.evidence import Clean
from qaml.plan.judged import Surrogate


class ModelEvidence(NamedTuple):
    """A model without attacks.

    Attributes:
        model: its name.
        clean: the model on clean images.
        history: training curves, one mapping a seed.
        repeats: test examples among the training examples; None where they were not counted.
        inspections: what was found about its sampler, one mapping a seed.
        surrogate: what it is held against, if attacks are made on it and it has a reference.
        is_divided: whether the claim asks for a metric that divides by its clean accuracy.
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
        """None: nothing attacks it."""
