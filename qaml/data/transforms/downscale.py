"""Shrinking images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qaml.data.base import TransformPart
from qaml.data.transforms.inputs import map_inputs
from qaml.errors import PartError
from qaml.types import Data, InputInfo


class Downscale(TransformPart):
    """Shrink images by averaging areas: means over blocks where the ratio is whole, shares of pixels where not."""

    kind: Literal["downscale"] = "downscale"
    size: int = Field(ge=1, le=4096)
    """Height and width of the new images, in pixels."""

    def describe(self, info: InputInfo) -> InputInfo:
        """Shape (channels, size, size).

        Raises:
            PartError: inputs are not images, or smaller than ``size``.
        """
        if not info.is_image:
            raise PartError(
                f"downscale needs images, got inputs of shape {info.shape}", "leave it out for this dataset"
            )
        channels, height, width = info.shape
        if self.size > min(height, width):
            raise PartError(
                f"downscale cannot enlarge {height}×{width} images to size {self.size}",
                f"choose a size of at most {min(height, width)}",
            )
        return info._replace(shape=(channels, self.size, self.size))

    def apply(self, data: Data) -> Data:
        """Average every image; inputs stay within bounds."""
        from qaml.data.resampling import downscale

        return map_inputs(data, self.describe(data.info), lambda inputs: downscale(inputs, self.size))
