"""Images as plain features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from qaml.data.transforms.inputs import InputTransform
from qaml.types import InputInfo


class Flatten(InputTransform):
    """Every input as one row of features, channel by channel and row by row."""

    kind: Literal["flatten"] = "flatten"

    def describe(self, info: InputInfo) -> InputInfo:
        """Vectors with as many features as inputs have coordinates; bounds, and what is a state, stay."""
        return info._replace(shape=(info.n_features,))

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Reshape the inputs."""
        return inputs.reshape(len(inputs), -1)
