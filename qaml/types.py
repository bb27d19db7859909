"""Plain types that several layers share: data, input description, epsilons. No heavy library is imported here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic import BaseModel as _BaseModel

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float32]
    DoubleArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]
    AnyArray = NDArray[Any]
    Tensor = torch.Tensor
    Module = torch.nn.Module
else:  # importable by name, without numpy and torch
    FloatArray = DoubleArray = IntArray = BoolArray = AnyArray = Tensor = Module = Any


def as_tuple(value: object) -> object:
    """One value or a list as a tuple: behind a validator, pydantic's strict mode no longer takes a list for a tuple."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, int | float | str) and not isinstance(value, bool) else value


class Settings(_BaseModel):
    """Base of everything in a spec: frozen, strict, no unknown fields, no NaN and no infinities."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def class_for(cls, given: Mapping[str, Any]) -> type[Settings] | None:  # noqa: ARG003
        """The class as which a mapping is read: this one, unless its fields choose among several."""
        return cls

    @classmethod
    def hint_about_missing(cls, field: str, given: Mapping[str, Any]) -> str:  # noqa: ARG003
        """What to write for a required field, where what is given shows it; empty for the field's own description."""
        return ""


MOST_EXAMPLES: Final = 100_000_000
"""Most examples that a spec may request: more than any dataset has, and not too many for a loop or an array."""


class Bounds(NamedTuple):
    """The interval of every input coordinate; a side without a limit is infinite."""

    low: float
    high: float

    @classmethod
    def between(cls, limits: tuple[float | None, float | None]) -> Bounds:
        """The bounds that a spec declares as ``Limits``: ``None`` is a side without a limit."""
        low, high = limits
        return cls(-math.inf if low is None else low, math.inf if high is None else high)

    @property
    def is_finite(self) -> bool:
        """Whether both sides have a limit."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def width(self) -> float:
        """The difference of the two limits, infinite where one is missing."""
        return self.high - self.low

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The bounds as a spec and JSON write them, with ``None`` for a side without a limit."""
        low, high = (edge if math.isfinite(edge) else None for edge in self)
        return low, high

    def closed(self, smallest: float, largest: float) -> Bounds:
        """Finite bounds: a side without a limit ends at the value given for it.

        Args:
            smallest: end of a lower side without a limit, such as the smallest coordinate of the data.
            largest: end of an upper side without a limit.
        """
        low = self.low if math.isfinite(self.low) else smallest
        high = self.high if math.isfinite(self.high) else largest
        return Bounds(low, high if high > low else low + 1.0)  # data that are constant have no range

    def contains(self, other: Bounds) -> bool:
        """Whether every value within the other bounds is within these."""
        return self.low <= other.low and other.high <= self.high

    def in_words(self) -> str:
        """The interval as people write it, such as ``[0, 1]`` or ``[0, ∞)``."""
        low, high = (f"{edge:g}".replace("inf", "∞") for edge in self)
        return f"{'[' if math.isfinite(self.low) else '('}{low}, {high}{']' if math.isfinite(self.high) else ')'}"


def check_limits(value: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    """The limits as they are.

    Raises:
        ValueError: the lower one is not below the upper one.
    """
    low, high = value
    if low is not None and high is not None and not low < high:
        raise ValueError(f"expected [low, high] with low < high, got [{low:g}, {high:g}]")
    return value


LIMITS_SCHEMA = {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2}
Limits = Annotated[
    tuple[float | None, float | None],
    BeforeValidator(as_tuple),
    AfterValidator(check_limits),
    WithJsonSchema(LIMITS_SCHEMA),
]
"""Bounds in a spec, ``[low, high]``; ``null`` is a side without a limit."""


class InputInfo(NamedTuple):
    """The properties of a dataset that a model needs before it is built.

    Attributes:
        shape: shape of one input, (channels, height, width) for images and (features,) otherwise.
        classes: the names of the classes, in label order.
        bounds: bounds of every coordinate; infinite where features have no natural limit.
        is_state: whether inputs are quantum states, rows of 2**n real amplitudes of norm 1.
    """

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    bounds: Bounds
    is_state: bool = False

    @property
    def n_features(self) -> int:
        """The number of coordinates of one input."""
        return math.prod(self.shape)

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @property
    def is_image(self) -> bool:
        """Whether inputs have channels, height and width."""
        return len(self.shape) == 3


class Split(NamedTuple):
    """A part of a dataset.

    Attributes:
        inputs: (n, *shape) float32, within bounds.
        labels: (n,) int64, 0 … n_classes − 1.
        indices: (n,) int64, the position of each example in the original split; pairs images across models.
    """

    inputs: FloatArray
    labels: IntArray
    indices: IntArray

    def __len__(self) -> int:
        """The number of examples (a NamedTuple would count its fields)."""
        return int(self.labels.shape[0])


class Data(NamedTuple):
    """A loaded dataset: training and test split with their description."""

    train: Split
    test: Split
    info: InputInfo


def parse_number(value: Any) -> Any:
    """Read ``8/255`` as a number; anything else is left to pydantic's validation."""
    if isinstance(value, str) and value.count("/") == 1:
        numerator, denominator = value.split("/")
        try:
            return float(numerator) / float(denominator)
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"expected a number or a fraction such as 8/255, got {value!r}") from error
    return value


_EPSILON_SCHEMA = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[\d.]+/[\d.]+$"}]}
Epsilon = Annotated[float, BeforeValidator(parse_number), Field(ge=0), WithJsonSchema(_EPSILON_SCHEMA)]
"""A perturbation budget in the attack's norm and the dataset's units; may be written ``8/255``."""
