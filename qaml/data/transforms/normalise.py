"""One affine function for all coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from qaml.data.transforms.inputs import InputTransform, single
from qaml.errors import PartError
from qaml.types import Bounds, InputInfo


class Normalise(InputTransform):
    """Map every coordinate by one affine function: onto new bounds, or by a mean and a standard deviation."""

    kind: Literal["normalise"] = "normalise"
    bounds: tuple[float, float] | None = None
    """New bounds [low, high], onto which the declared ones are mapped."""
    mean: float | None = None
    """Value to subtract from every coordinate, in the dataset's units; needs ``std``."""
    std: float | None = Field(None, gt=0)
    """Value to divide every coordinate by, after the subtraction; needs ``mean``."""

    @model_validator(mode="after")
    def _is_one_map(self) -> Self:
        if (self.mean is None) != (self.std is None):
            raise ValueError("'mean' and 'std' go together")
        if (self.bounds is None) == (self.mean is None):
            raise ValueError("expected either 'bounds' or 'mean' and 'std'")
        if self.bounds is not None and self.bounds[0] >= self.bounds[1]:
            raise ValueError("expected bounds [low, high] with low < high")
        return self

    def describe(self, info: InputInfo) -> InputInfo:
        """The description with the mapped bounds, rounded to float32 as inputs are, so that these stay within them.

        Raises:
            PartError: the new bounds are equal or infinite in float32, or there are no old ones to map onto them.
        """
        if self.bounds is not None and not info.bounds.is_finite:
            raise PartError(
                f"normalise maps the declared bounds, which are {info.bounds.in_words()}, onto new ones",
                "'rescale' maps the range of the training data",
            )
        offset, scale = self._map(info.bounds)
        low, high = (single((edge - offset) / scale) for edge in info.bounds)
        kept = all(math.isfinite(new) == math.isfinite(old) for new, old in zip((low, high), info.bounds, strict=True))
        if not (low < high and kept):
            raise PartError(
                f"normalise gives bounds that float32 cannot distinguish or hold: [{low:g}, {high:g}]",
                "choose bounds further apart, or a standard deviation of the inputs' own size",
            )
        return info._replace(bounds=Bounds(low, high))

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Map every coordinate."""
        offset, scale = self._map(info.bounds)
        return (inputs - offset) / scale

    def _map(self, old: Bounds) -> tuple[float, float]:
        if self.mean is not None and self.std is not None:
            return self.mean, self.std
        assert self.bounds is not None
        low, high = self.bounds
        scale = (old.high - old.low) / (high - low)
        return old.low - low * scale, scale
