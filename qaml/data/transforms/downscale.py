"""Shrinking images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qaml.data.base import TransformPart
from qaml.data.transforms.inputs import image_shape, map_inputs
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
        channels, height, width = image_shape(self.kind, info)
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
