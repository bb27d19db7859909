"""Mean zero and variance one for every coordinate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from qaml.data.transforms.inputs import InputTransform
from qaml.types import Bounds, DoubleArray, FloatArray, InputInfo, Limits


class Standardise(InputTransform):
    """Subtract each coordinate's mean on the training data and divide by its standard deviation there.

    A coordinate that is constant on the training data has no deviation; it is divided by one. For one mean and one
    deviation for all coordinates, given as numbers, there is ``normalise``.
    """

    kind: Literal["standardise"] = "standardise"
    bounds: Limits | None = None
    """Bounds of the results that attacks keep to (default: none); examples beyond them are refused."""

    is_fitted: ClassVar[bool] = True

    def describe(self, info: InputInfo) -> InputInfo:
        """The same shape, without bounds unless they are declared: old ones map to others for every coordinate."""
        return info._replace(bounds=Bounds.between(self.bounds or (None, None)), is_state=False)

    def unfitted(self, info: InputInfo) -> Mapping[str, DoubleArray]:
        """Means of zero and deviations of one."""
        import numpy as np

        return {"mean": np.zeros(info.shape), "deviation": np.ones(info.shape)}

    def fit(self, inputs: FloatArray, info: InputInfo) -> Mapping[str, DoubleArray]:  # noqa: ARG002
        """Means and standard deviations (divided by n), 1 for constant coordinates."""
        import numpy as np

        mean, deviation = inputs.mean(axis=0, dtype=np.float64), inputs.std(axis=0, dtype=np.float64)
        varies = inputs.min(axis=0) < inputs.max(axis=0)  # of a constant, the deviation may be rounding
        return {"mean": mean, "deviation": np.where(varies & (deviation > 0), deviation, 1.0)}

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Standardise every coordinate."""
        return (inputs - fitted["mean"]) / fitted["deviation"]
