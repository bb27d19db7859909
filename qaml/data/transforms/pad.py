"""A frame around images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from qaml.data.transforms.inputs import InputTransform, image_shape
from qaml.errors import PartError
from qaml.types import InputInfo


class Pad(InputTransform):
    """Each image in the middle of a larger square; of an odd margin the smaller half is above and on the left."""

    kind: Literal["pad"] = "pad"
    size: int = Field(ge=1, le=4096)
    """Height and width of the square, in pixels."""
    value: float | None = None
    """Value of the frame (default: the lower bound, or 0 where there is none)."""

    def describe(self, info: InputInfo) -> InputInfo:
        """Shape (channels, size, size).

        Raises:
            PartError: inputs are not images, larger than ``size``, or the frame's value is out of their bounds.
        """
        channels, height, width = image_shape(self.kind, info)
        if self.size < max(height, width):
            raise PartError(
                f"pad cannot put images of {height}×{width} into a square of {self.size}×{self.size}",
                f"choose a size of at least {max(height, width)}, or 'crop'",
            )
        if not info.bounds.low <= self._value(info) <= info.bounds.high:
            raise PartError(
                f"pad fills with {self._value(info):g}, which is not within {info.bounds.in_words()}",
                "choose a 'value' within the bounds",
            )
        return info._replace(shape=(channels, self.size, self.size), is_state=False)

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Put every image into its frame."""
        top, left = ((self.size - side) // 2 for side in info.shape[1:])
        bottom, right = self.size - info.shape[1] - top, self.size - info.shape[2] - left
        import numpy as np

        if isinstance(inputs, np.ndarray):
            frame = ((0, 0), (0, 0), (top, bottom), (left, right))
            return np.pad(inputs, frame, constant_values=self._value(info))
        from torch.nn.functional import pad

        return pad(inputs, (left, right, top, bottom), value=self._value(info))

    def _value(self, info: InputInfo) -> float:
        if self.value is not None:
            return self.value
        return info.bounds.low if math.isfinite(info.bounds.low) else 0.0
