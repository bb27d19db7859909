"""A detector of attacks by the disagreement of models."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from qaml.claims.detectors.base import Answers, DetectorPart
from qaml.registry import ModelName
from qaml.types import DoubleArray


class Disagreement(DetectorPart):
    """An attack is detected where the models' predictions disagree (West et al. 2022, section II.E and Figure 5)."""

    kind: Literal["disagreement"] = "disagreement"
    models: tuple[ModelName, ...] = Field(min_length=2)
    """Models that are compared, such as a classical and a quantum one; seed s of the detector compares seed s of
    each."""
    confidence: float = Field(0.0, ge=0, le=1)
    """Least confidence of every model in its own answer for a flag (West et al.: 0, any disagreement)."""

    @field_validator("models")
    @classmethod
    def _are_different(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("expected different models, got one twice: a model never disagrees with itself")
        return value

    @property
    def threshold(self) -> float:
        """The confidence."""
        return self.confidence

    def suspicion(self, answers: Answers) -> DoubleArray:
        """The least confident model's confidence where they disagree, minus it where they agree: (n,) in [-1, 1].

        So a threshold of 0 separates disagreement from agreement, and further thresholds make a whole curve: sure of
        different answers is the most suspicious, sure of the same one the least.
        """
        import numpy as np

        least: DoubleArray = answers.confidence.min(axis=0).astype(np.float64)
        disagree = (answers.predicted != answers.predicted[:1]).any(axis=0)
        return np.where(disagree, least, -least)
