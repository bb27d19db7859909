"""The range of every coordinate mapped onto an interval."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, WithJsonSchema, field_validator

from qaml.data.transforms.inputs import InputTransform, single
from qaml.types import Bounds, DoubleArray, FloatArray, InputInfo

_PI = re.compile(r"(?P<sign>-?)(?P<factor>\d*\.?\d*)\s*pi(?:/(?P<divisor>[1-9]\d*))?")


def _parse_angle(value: object) -> object:
    """Read ``pi``, ``2pi`` and ``-pi/2`` as numbers; anything else is left to pydantic's validation."""
    if not isinstance(value, str) or (found := _PI.fullmatch(value.strip())) is None:
        return value
    size = float(found["factor"] or 1) * math.pi / int(found["divisor"] or 1)
    return -size if found["sign"] else size


Angle = Annotated[
    float, BeforeValidator(_parse_angle), WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})
]
"""A number, or a multiple of π such as ``pi`` or ``-pi/2``."""


class Rescale(InputTransform):
    """Map the range of each coordinate on the training data onto an interval, such as the angles of a circuit.

    A coordinate that is constant on the training data becomes the interval's lower end. ``normalise`` maps the declared
    bounds instead, by one function for all coordinates.
    """

    kind: Literal["rescale"] = "rescale"
    bounds: tuple[Angle, Angle] = (0.0, 1.0)
    """Interval [low, high] onto which the smallest and the largest value of each coordinate are mapped; multiples of π
    may be written ``pi`` or ``pi/2``."""
    beyond: Literal["clip", "keep", "error"] = "clip"
    """What is done with values beyond the range of the training data: they are moved to the interval's end, kept (then
    results have no bounds), or refused where they are in the data."""

    is_fitted: ClassVar[bool] = True

    @field_validator("bounds")
    @classmethod
    def _is_interval(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if not bounds[0] < bounds[1]:
            raise ValueError(f"expected bounds [low, high] with low < high, got [{bounds[0]:g}, {bounds[1]:g}]")
        return bounds

    def describe(self, info: InputInfo) -> InputInfo:
        """The same shape within the interval, rounded to float32 as inputs are; without bounds where all is kept."""
        low, high = self.bounds
        bounds = Bounds(-math.inf, math.inf) if self.beyond == "keep" else Bounds(single(low), single(high))
        return info._replace(bounds=bounds, is_state=False)

    def unfitted(self, info: InputInfo) -> Mapping[str, DoubleArray]:
        """Smallest values of zero and ranges of one."""
        import numpy as np

        return {"least": np.zeros(info.shape), "range": np.ones(info.shape)}

    def fit(self, inputs: FloatArray, info: InputInfo) -> Mapping[str, DoubleArray]:  # noqa: ARG002
        """Smallest values and ranges; the range of a constant is infinite, which maps it to the lower end."""
        import numpy as np

        least, most = inputs.min(axis=0).astype(np.float64), inputs.max(axis=0).astype(np.float64)
        return {"least": least, "range": np.where(most > least, most - least, np.inf)}

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Map every coordinate."""
        low, high = self.bounds
        share = (inputs - fitted["least"]) / fitted["range"]
        return low + (high - low) * (share.clip(0, 1) if self.beyond == "clip" else share)
