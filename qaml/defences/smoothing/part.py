"""Configuration of spatial smoothing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qaml.defences.preprocessing.part import PreprocessingPart
from qaml.errors import PartError
from qaml.types import InputInfo, Module


class SpatialSmoothing(PreprocessingPart):
    """Replace every pixel by the median of the window around it, each channel by itself.

    Xu, Evans, Qi 2018, arXiv:1704.01155. The image is reflected at its edges, edge pixels repeated; an even window
    reaches one pixel further up and left, and its median is the upper one (both as in ``scipy.ndimage``). Kehoe et al.
    2021, section 4.2, do not state the window.
    """

    kind: Literal["spatial_smoothing"] = "spatial_smoothing"
    window: int = Field(3, ge=2, le=15)
    """Side of the square window in pixels."""
    bpda: Literal["straight_through", "exact"] = "exact"
    """Gradient for attacks through the classifier: ``exact`` is that of the pixel which is the median."""

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that are no images, or smaller than the window.

        Raises:
            PartError: the inputs do not fit; the message says why.
        """
        if not info.is_image:
            raise PartError(f"defence 'spatial_smoothing' expects images, got inputs of shape {info.shape}")
        if self.window > min(info.shape[1:]):
            height, width = info.shape[1:]
            raise PartError(
                f"a smoothing window of {self.window}×{self.window} does not fit into images of {height}×{width}",
                f"set 'window' to at most {min(height, width)}",
            )

    def layer(self, info: InputInfo) -> Module:  # noqa: ARG002
        """The median filter."""
        from qaml.defences.preprocessing.network import StraightThrough
        from qaml.defences.smoothing.network import MedianFilter

        layer = MedianFilter(self.window)
        return StraightThrough(layer) if self.bpda == "straight_through" else layer
