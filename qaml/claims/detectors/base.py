"""The interface of detectors of adversarials: the models that they use, the attacks they face, their suspicion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import Field

from qaml.attacks.base import AttackPart
from qaml.attacks.elsewhere import as_seen_by, made_on, makers
from qaml.claims.base import AttackNames
from qaml.registry import ModelName, Part, Registry
from qaml.types import MOST_EXAMPLES, DoubleArray, FloatArray, IntArray

DETECTORS: Registry[DetectorPart] = Registry(
    "detector",
    "qaml.detectors",
    {"disagreement": "qaml.claims.detectors.disagreement:Disagreement"},
)


class Answers(NamedTuple):
    """The answers of a detector's models about some images.

    Attributes:
        predicted: (n_models, n) labels.
        confidence: (n_models, n) in [0, 1], the probability of the label.
    """

    predicted: IntArray
    confidence: FloatArray


class DetectorPart(Part, ABC):
    """A detector, and the images that it is tried on.

    As many clean images as attacked ones: every attacked image is hit by one (attack, budget), drawn uniformly from the
    attacks' grids ("arbitrary attack strengths and types", West et al. 2022, section II.E).
    """

    models: tuple[ModelName, ...] = Field(min_length=1)
    """Models whose answers it uses; seed s of the detector uses seed s of each."""
    attacks: AttackNames = Field(min_length=1)
    """Attacks that it is tried on."""
    attacked: ModelName | None = None
    """Model on which these attacks are made, except transfers and joint attacks, which name their own."""
    images: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of clean images, and of attacked ones (default: as many as the suite evaluates)."""

    @property
    @abstractmethod
    def threshold(self) -> float:
        """Images of at least this suspicion are flagged."""

    @abstractmethod
    def suspicion(self, answers: Answers) -> DoubleArray:
        """A measure of how much the answers look like an attack: (n,), larger for more suspicious images."""

    def mixture(self, attacks: Mapping[str, AttackPart]) -> tuple[str, ...]:
        """The attacks by names that say where they are made, such as ``pgd@convnet``.

        Args:
            attacks: the suite's attacks, by name.
        """
        if self.attacked is None:
            return self.attacks
        return tuple(name if makers(attacks, name) else made_on(name, self.attacked) for name in self.attacks)

    def pairs(self, attacks: Mapping[str, AttackPart]) -> tuple[tuple[str, str], ...]:
        """(model, attack) of all evidence: adversarials seen by the detector's models and by those they are made on."""
        found = {
            (model, as_seen_by(name, model)): None
            for name in self.mixture(attacks)
            for model in (*self.models, *makers(attacks, name))
        }
        return tuple(found)


DETECTORS.bind(DetectorPart)
