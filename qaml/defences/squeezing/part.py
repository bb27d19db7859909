"""Configuration of feature squeezing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qaml.defences.preprocessing.part import PreprocessingPart
from qaml.errors import PartError
from qaml.types import InputInfo, Module


class FeatureSqueezing(PreprocessingPart):
    """Round every coordinate to 2^bits levels, evenly spaced over the bounds (Xu, Evans, Qi 2018, arXiv:1704.01155).

    Kehoe et al. 2021, section 4.2, do not state the depth.
    """

    kind: Literal["feature_squeezing"] = "feature_squeezing"
    bits: int = Field(4, ge=1, le=8)
    """Colour depth after squeezing."""
    bpda: Literal["straight_through", "exact"] = "straight_through"
    """Gradient for attacks through the classifier: ``exact`` is zero everywhere and blinds gradient attacks."""

    def check(self, info: InputInfo) -> None:
        """Refuse inputs without bounds, over which levels could be spaced.

        Raises:
            PartError: a side of the bounds has no limit.
        """
        if not info.bounds.is_finite:
            raise PartError(
                f"defence 'feature_squeezing' spaces levels over the bounds, which are {info.bounds.in_words()}",
                "bound the inputs with the transform 'rescale'",
            )

    def layer(self, info: InputInfo) -> Module:
        """The rounding."""
        from qaml.defences.preprocessing.network import StraightThrough
        from qaml.defences.squeezing.network import Squeezing

        layer = Squeezing(2**self.bits, info.bounds)
        return StraightThrough(layer) if self.bpda == "straight_through" else layer
