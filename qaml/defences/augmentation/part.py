"""Configuration of Gaussian data augmentation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qaml.defences.base import Craft, DefencePart
from qaml.models.base import Hooks
from qaml.types import InputInfo, Module


class GaussianAugmentation(DefencePart):
    """Every batch with a noisy copy of itself, N(0, σ²) on every coordinate, kept within bounds.

    Zantedeschi, Nicolae & Rawat 2017 (section 3.2, arXiv:1707.06728), which Huang & Zhang 2023 compare with.
    """

    kind: Literal["gaussian_augmentation"] = "gaussian_augmentation"
    sigma: float = Field(gt=0)
    """Standard deviation of the noise, in the dataset's units."""

    @property
    def changes_training(self) -> bool:
        """Always true."""
        return True

    def training_hooks(
        self,
        craft: Craft | None,  # noqa: ARG002
        undefended: Module | None,  # noqa: ARG002
        seed: int,
        info: InputInfo | None = None,
    ) -> Hooks:
        """Hooks that append the noisy copy."""
        from qaml.defences.augmentation.hooks import NoisyCopies

        return NoisyCopies(self.sigma, None if info is None else info.bounds, seed)
