"""Principal components of the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from qaml.data.transforms.inputs import InputTransform
from qaml.errors import DataError, PartError
from qaml.types import Bounds, DoubleArray, FloatArray, InputInfo, Limits

SMALLEST_VARIANCE = 1e-12
"""Smallest variance along a component, as a share of the largest: below it the direction is rounding."""


class PCA(InputTransform):
    """The first principal components of inputs, found on the training data (Pearson 1901; Jolliffe 2002, chapter 1).

    z = V(x − x̄): V has orthonormal rows, so a perturbation of z is at most as long in L2 as that of x. The signs of the
    components are such that the largest entry of each row of V is positive.
    """

    kind: Literal["pca"] = "pca"
    components: int = Field(ge=1, le=100_000)
    """Number of components, those of the largest variances."""
    whiten: bool = False
    """Whether components are divided by their standard deviations on the training data."""
    bounds: Limits | None = None
    """Bounds of the components that attacks keep to (default: none); examples beyond them are refused."""

    is_fitted: ClassVar[bool] = True

    def describe(self, info: InputInfo) -> InputInfo:
        """Vectors of ``components`` features, without bounds unless they are declared.

        Raises:
            PartError: more components are asked for than inputs have coordinates.
        """
        if self.components > info.n_features:
            raise PartError(
                f"pca asks for {self.components} components of inputs with {info.n_features} coordinates",
                f"ask for at most {info.n_features}",
            )
        bounds = Bounds.between(self.bounds or (None, None))
        return InputInfo((self.components,), info.classes, bounds)

    def unfitted(self, info: InputInfo) -> Mapping[str, DoubleArray]:
        """A mean of zero, and rows that select the first coordinates."""
        import numpy as np

        return {"mean": np.zeros(info.n_features), "rows": np.eye(self.components, info.n_features)}

    def fit(self, inputs: FloatArray, info: InputInfo) -> Mapping[str, DoubleArray]:  # noqa: ARG002
        """The mean and the components, in float64 and on one thread: sums in another order end in other bits.

        Raises:
            DataError: the training inputs vary along fewer directions.
        """
        import numpy as np
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            rows = inputs.reshape(len(inputs), -1).astype(np.float64)
            mean = rows.mean(axis=0)
            rows -= mean
            variances, directions = _principal(rows)
        n_varying = int((variances > SMALLEST_VARIANCE * variances[0]).sum()) if len(variances) else 0
        if self.components > n_varying:
            raise DataError(
                f"pca asks for {self.components} components, the {len(inputs)} training inputs vary along {n_varying}",
                f"ask for at most {n_varying}, or train on more examples",
            )
        chosen = directions[: self.components]
        largest = np.abs(chosen) >= (1 - 1e-6) * np.abs(chosen).max(axis=1, keepdims=True)  # the first of equal ones
        chosen = chosen * np.sign(np.take_along_axis(chosen, largest.argmax(axis=1)[:, None], axis=1))
        if self.whiten:
            chosen = chosen / np.sqrt(variances[: self.components, None])
        return {"mean": mean, "rows": chosen}

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Project on the components."""
        return (inputs.reshape(len(inputs), -1) - fitted["mean"]) @ fitted["rows"].T


def _principal(centred: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Variances (k,), largest first, and directions (k, d) of centred rows (n, d)."""
    import numpy as np

    n, d = centred.shape
    if n < d:
        _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
        return sizes**2 / max(n - 1, 1), directions
    values, vectors = np.linalg.eigh(centred.T @ centred / max(n - 1, 1))
    return values[::-1].clip(0), vectors.T[::-1]
