"""Colour images in grey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from qaml.data.transforms.inputs import InputTransform
from qaml.errors import PartError
from qaml.types import InputInfo

LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601, section 2.5.1), as Pillow's; they sum to one."""


class Grey(InputTransform):
    """One channel of brightness in place of red, green and blue."""

    kind: Literal["grey"] = "grey"

    def describe(self, info: InputInfo) -> InputInfo:
        """Shape (1, height, width).

        Raises:
            PartError: inputs are no images of three channels.
        """
        if not info.is_image or info.shape[0] != len(LUMA):
            raise PartError(
                f"grey needs images of three channels, got inputs of shape {info.shape}",
                "leave it out for this dataset",
            )
        return info._replace(shape=(1, *info.shape[1:]), is_state=False)

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """The weighted mean of the channels, within their bounds also where the weights' sum is rounded."""
        red, green, blue = LUMA
        mean = red * inputs[:, :1] + green * inputs[:, 1:2] + blue * inputs[:, 2:]
        return mean.clip(*info.bounds)
