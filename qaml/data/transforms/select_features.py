"""A choice of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator

from qaml.data.transforms.inputs import InputTransform
from qaml.errors import PartError
from qaml.types import InputInfo

MOST_FEATURES: Final = 1_000_000
"""Most features of an input that a spec may name."""


class SelectFeatures(InputTransform):
    """Keep some coordinates of vectors, in the order given."""

    kind: Literal["select_features"] = "select_features"
    features: tuple[Annotated[int, Field(ge=0, lt=MOST_FEATURES)], ...] = Field(min_length=1, max_length=MOST_FEATURES)
    """Numbers of the features to keep, from 0."""

    @field_validator("features")
    @classmethod
    def _are_distinct(cls, features: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(features)) < len(features):
            raise ValueError("every feature can be selected only once")
        return features

    def describe(self, info: InputInfo) -> InputInfo:
        """Vectors of as many features as are selected.

        Raises:
            PartError: inputs are not vectors, or have no feature of one of the numbers.
        """
        if len(info.shape) != 1:
            raise PartError(
                f"select_features needs vectors, got inputs of shape {info.shape}", "put 'flatten' before it"
            )
        unknown = [number for number in self.features if number >= info.n_features]
        if unknown:
            raise PartError(
                f"select_features: no feature {unknown[0]}", f"features: 0 to {info.n_features - 1} of this dataset"
            )
        return info._replace(shape=(len(self.features),), is_state=False)

    def change(self, inputs: Any, info: InputInfo, fitted: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Take the columns."""
        return inputs[:, list(self.features)]
