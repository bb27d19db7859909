"""Inputs as quantum states."""

from __future__ import annotations

from typing import Literal

from qaml.data.base import TransformPart
from qaml.data.transforms.inputs import map_inputs
from qaml.errors import DataError, PartError
from qaml.types import Bounds, Data, FloatArray, InputInfo


class Amplitudes(TransformPart):
    """Amplitude encoding as a step of its own: x/‖x‖, padded with zeros to 2**n amplitudes.

    Attacks then perturb the state instead of the pixels: their budgets are in amplitudes, of which even the largest is
    rarely near 1. A circuit encodes the perturbed vector again, so that it has norm 1 after any attack.
    """

    kind: Literal["amplitudes"] = "amplitudes"

    def describe(self, info: InputInfo) -> InputInfo:
        """States of 2**n amplitudes in [−1, 1]; images that have as many pixels stay images.

        Raises:
            PartError: inputs are states already.
        """
        if info.is_state:
            raise PartError("amplitudes: the inputs are states already", "leave it out for this dataset")
        n = 2 ** max((info.n_features - 1).bit_length(), 1)
        shape = info.shape if n == info.n_features else (n,)
        return InputInfo(shape, info.classes, Bounds(-1.0, 1.0), is_state=True)

    def apply(self, data: Data) -> Data:
        """Divide every input by its norm.

        Raises:
            DataError: an input is zero everywhere, and so no state.
        """
        import numpy as np

        info = self.describe(data.info)
        for split in (data.train, data.test):
            is_zero = ~split.inputs.reshape(len(split), -1).any(axis=1)
            if is_zero.any():
                number = int(split.indices[int(np.argmax(is_zero))])
                raise DataError(
                    f"amplitudes: {int(is_zero.sum())} inputs are zero everywhere (the first is number {number})",
                    "there is no state for them: binarise at a lower threshold, or leave them out",
                )

        def encode(inputs: FloatArray) -> FloatArray:
            rows = inputs.reshape(len(inputs), -1).astype(np.float64)
            states = np.zeros((len(rows), info.n_features), np.float32)
            states[:, : rows.shape[1]] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            return states.reshape(len(rows), *info.shape)

        return map_inputs(data, info, encode)
