"""Two values a coordinate."""

from __future__ import annotations

from typing import Literal

from qaml.data.base import TransformPart
from qaml.data.transforms.inputs import map_inputs
from qaml.errors import PartError
from qaml.types import Data, FloatArray, InputInfo


class Binarise(TransformPart):
    """Set every coordinate to the upper bound where it is above a threshold, and to the lower one elsewhere."""

    kind: Literal["binarise"] = "binarise"
    threshold: float = 0.5
    """Threshold in the dataset's units; a coordinate equal to it becomes the lower bound."""

    def describe(self, info: InputInfo) -> InputInfo:
        """The unchanged description: attacks may still move inputs anywhere between the bounds.

        Raises:
            PartError: the threshold leaves only one value, or there are no bounds to set coordinates to.
        """
        low, high = info.bounds
        within = info.bounds.in_words()
        if not info.bounds.is_finite:
            raise PartError(
                f"binarise sets coordinates to the bounds, which are {within}",
                "bound the inputs first, with 'rescale'",
            )
        if not low <= self.threshold < high:
            raise PartError(
                f"binarise at threshold {self.threshold:g} makes every input the same: bounds are {within}",
                f"choose a threshold of at least {low:g} and below {high:g}",
            )
        return info

    def apply(self, data: Data) -> Data:
        """Compare every coordinate with the threshold."""
        import numpy as np

        low, high = data.info.bounds

        def binarise(inputs: FloatArray) -> FloatArray:
            return np.where(inputs > self.threshold, np.float32(high), np.float32(low))

        return map_inputs(data, self.describe(data.info), binarise)
