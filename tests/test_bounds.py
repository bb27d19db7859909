"""Bounds of inputs, also without a limit on a side."""

import math

import pytest
from pydantic import BaseModel, ValidationError

from qaml.defences.resizing.part import RandomResizing
from qaml.defences.squeezing.part import FeatureSqueezing
from qaml.errors import PartError
from qaml.models.rbm.part import RBM
from qaml.registry import Part
from qaml.types import Bounds, InputInfo, Limits

OPEN = Bounds(-math.inf, math.inf)


def test_bounds_are_written_with_null_where_there_is_no_limit() -> None:
    for limits, words in (
        ((0, 1), "[0, 1]"),
        ((0, None), "[0, ∞)"),
        ((None, 2.5), "(-∞, 2.5]"),
        ((None, None), "(-∞, ∞)"),
    ):
        bounds = Bounds.between(limits)
        assert bounds.limits == limits
        assert bounds.in_words() == words
        assert bounds.is_finite == (None not in limits)
        assert OPEN.contains(bounds)
        assert bounds.contains(OPEN) == (bounds == OPEN)
    assert math.isinf(Bounds(0, math.inf).width)


class Holder(BaseModel):
    limits: Limits


def test_limits_of_a_spec() -> None:
    assert Holder.model_validate({"limits": [None, 1]}).limits == (None, 1)
    with pytest.raises(ValidationError, match=r"expected \[low, high\] with low < high, got \[1, 1\]"):
        Holder.model_validate({"limits": [1, 1]})


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (FeatureSqueezing(), r"spaces levels over the bounds, which are \(-∞, ∞\)"),
        (RandomResizing(), r"pads with the lower bound, and bounds are \(-∞, ∞\)"),
        (RBM(hidden=2), r"expects inputs in \[0, 1\], got \(-∞, ∞\)"),
    ],
    ids=lambda value: value.kind if isinstance(value, Part) else "",
)
def test_what_needs_bounds_refuses_inputs_without(part: FeatureSqueezing | RandomResizing | RBM, message: str) -> None:
    with pytest.raises(PartError, match=message):
        part.check(InputInfo((1, 4, 4), ("a", "b"), OPEN))
