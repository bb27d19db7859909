"""Configuration of Gaussian data augmentation."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qaml.defences.base import DefencePart, ForTraining
from qaml.models.base import Hooks


class GaussianAugmentation(DefencePart):
    """Every batch with a noisy copy of itself, N(0, σ²) on every coordinate, kept within bounds.

    Zantedeschi, Nicolae & Rawat 2017 (section 3.2, arXiv:1707.06728), which Huang & Zhang 2023 compare with.
    """

    kind: Literal["gaussian_augmentation"] = "gaussian_augmentation"
    changes_training: ClassVar[bool] = True
    sigma: float = Field(gt=0)
    """Standard deviation of the noise, in the dataset's units."""

    def training_hooks(self, given: ForTraining) -> Hooks:
        """Hooks that append the noisy copy."""
        from qaml.defences.augmentation.hooks import NoisyCopies

        return NoisyCopies(self.sigma, None if given.info is None else given.info.bounds, given.seed)
