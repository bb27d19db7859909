"""Transforms of every input by itself, by one function that may be fitted on training data.

The function is written once, for numpy arrays and for torch tensors: on a dataset it is computed in float64 and rounded
once, and in front of a classifier (``models.front``) it is differentiable, with the fitted arrays as fixed buffers.
"""

from __future__ import annotations

import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from qaml.data.base import TransformPart
from qaml.errors import PartError
from qaml.types import Data, DoubleArray, FloatArray, InputInfo, Split

CHUNK = 4096
"""Number of inputs changed at a time: float64 copies of all would take gigabytes."""


def image_shape(kind: str, info: InputInfo) -> tuple[int, int, int]:
    """Channels, height and width of images.

    Args:
        kind: the transform that asks.
        info: description of the inputs.

    Raises:
        PartError: the inputs are not images.
    """
    if not info.is_image:
        raise PartError(f"{kind} needs images, got inputs of shape {info.shape}", "leave it out for this dataset")
    channels, height, width = info.shape
    return channels, height, width


class InputTransform(TransformPart, ABC):
    """A transform that changes each input by itself, and can be in front of a classifier."""

    def fit(self, inputs: FloatArray, info: InputInfo) -> Mapping[str, DoubleArray]:  # noqa: ARG002
        """The arrays that ``change`` needs, by name, found on training inputs alone.

        Args:
            inputs: (n, *info.shape), the training inputs.
            info: description of the inputs.

        Raises:
            DataError: these inputs are too few, or do not vary enough.
        """
        return {}

    def unfitted(self, info: InputInfo) -> Mapping[str, DoubleArray]:  # noqa: ARG002
        """Arrays of the shapes of the fitted ones, known before anything is read."""
        return {}

    @abstractmethod
    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:
        """The changed inputs: (n, *info.shape) → (n, *described shape), of arrays or of tensors with their gradient.

        Args:
            inputs: an array or a tensor.
            info: description of the inputs.
            fitted: the arrays of ``fit``, or tensors of the same names.
        """

    def apply(self, data: Data) -> Data:
        """The dataset with changed inputs, fitted on its training split."""
        info = self.describe(data.info)
        fitted = self.fit(data.train.inputs, data.info)
        return map_inputs(data, info, lambda inputs: self.changed(inputs, data.info, fitted))

    def changed(self, inputs: FloatArray, info: InputInfo, fitted: Mapping[str, DoubleArray]) -> FloatArray:
        """Arrays changed in float64: (n, *info.shape) → (n, *described shape), float32."""
        import numpy as np

        result = np.empty((len(inputs), *self.describe(info).shape), np.float32)
        for start in range(0, len(inputs), CHUNK):
            some = slice(start, start + CHUNK)
            # rounded once: rounding is monotone, so no input passes its rounded bound
            result[some] = self.change(inputs[some].astype(np.float64), info, fitted)
        return result


def map_inputs(data: Data, info: InputInfo, change: Callable[[FloatArray], FloatArray]) -> Data:
    """The dataset with every input changed, labels and indices kept."""
    # Split counts examples, which NamedTuple's own _replace does not survive
    train, test = (Split(change(split.inputs), split.labels, split.indices) for split in (data.train, data.test))
    return Data(train, test, info)


def single(value: float) -> float:
    """The nearest float32, as a Python number; infinite beyond its range."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
