"""The numbers with which training begins, as a spec writes them."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from qaml.types import Settings


class Initial(Settings):
    """The distribution of trained numbers before training."""

    distribution: Literal["uniform", "normal", "zeros"] = "uniform"
    """Distribution: ``uniform`` in a range, ``normal`` around 0, or ``zeros``."""
    range: tuple[float, float] = (0.0, 2 * math.pi)
    """Lower and upper end of ``uniform``."""
    scale: float = Field(1.0, ge=0)
    """Standard deviation of ``normal``."""

    @model_validator(mode="after")
    def _range_is_one(self) -> Initial:
        low, high = self.range
        if low > high:
            raise ValueError(f"expected a range [low, high] with low ≤ high, got [{low:g}, {high:g}]")
        return self
