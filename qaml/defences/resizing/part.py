"""Configuration of random resizing and padding."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from qaml.defences.preprocessing.part import PreprocessingPart
from qaml.errors import PartError
from qaml.types import InputInfo, Module


class RandomResizing(PreprocessingPart):
    """Shrink every image to a random size and put it at a random place of an empty image of the old size.

    After Xie et al. 2018, arXiv:1711.01991, who enlarge the network's input instead; here its size stays, so that
    any classifier fits. Differentiable (bilinear), with draws of its own for every image. Attack and training see fresh
    draws in each forward pass.
    """

    kind: Literal["random_resizing"] = "random_resizing"
    randomises: ClassVar[bool] = True
    where: Literal["classifier"] = "classifier"
    """Position of the defence: always in the classifier, because it is random at inference."""
    smallest: float = Field(0.8, gt=0, le=1)
    """The smallest side that is drawn, as a share of the image's."""

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that are no images, or have no lower bound to put around them.

        Raises:
            PartError: the inputs are plain features, or have no lower bound.
        """
        if not info.is_image:
            raise PartError(f"defence 'random_resizing' expects images, got inputs of shape {info.shape}")
        if not math.isfinite(info.bounds.low):
            raise PartError(
                f"defence 'random_resizing' pads with the lower bound, and bounds are {info.bounds.in_words()}",
                "bound the inputs with the transform 'rescale'",
            )

    def layer(self, info: InputInfo) -> Module:
        """The random resizing."""
        from qaml.defences.resizing.network import Resizing

        return Resizing(self.smallest, info.bounds.low)
