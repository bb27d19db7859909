"""The middle of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from qaml.data.transforms.inputs import InputTransform, image_shape
from qaml.errors import PartError
from qaml.types import InputInfo


class Crop(InputTransform):
    """The square in the middle of each image; of an odd margin the smaller half is above and on the left."""

    kind: Literal["crop"] = "crop"
    size: int = Field(ge=1, le=4096)
    """Height and width of the square, in pixels."""

    def describe(self, info: InputInfo) -> InputInfo:
        """Shape (channels, size, size).

        Raises:
            PartError: inputs are not images, or smaller than ``size``.
        """
        channels, height, width = image_shape(self.kind, info)
        if self.size > min(height, width):
            raise PartError(
                f"crop cannot cut {self.size}×{self.size} out of images of {height}×{width}",
                f"choose a size of at most {min(height, width)}, or 'pad'",
            )
        return info._replace(shape=(channels, self.size, self.size), is_state=False)

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Cut out the middle."""
        top, left = ((side - self.size) // 2 for side in info.shape[1:])
        return inputs[:, :, top : top + self.size, left : left + self.size]
