"""A dataset that is computed: two spirals in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from qaml.data.base import DatasetPart
from qaml.types import Bounds, Data, InputInfo, Split


class Spirals(DatasetPart):
    """Points on two spirals around the origin, with noise."""

    kind: Literal["example/spirals"] = "example/spirals"
    n: int = Field(400, ge=20, le=100_000)
    """Number of points on each spiral."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the noise."""

    def describe(self) -> InputInfo:
        """The description of the inputs: two coordinates in [−1, 1]."""
        return InputInfo((2,), ("left", "right"), Bounds(-1.0, 1.0))

    def checksums(self) -> Mapping[str, str]:
        """What the content depends on: here parameters, of files their SHA-256."""
        return {"spirals": f"n={self.n} seed={self.seed}"}

    def read(self) -> Data:
        """Compute the points; every fourth one is for testing."""
        import numpy as np

        random = np.random.default_rng(self.seed)
        turn = np.linspace(0.5, 3.0, self.n).repeat(2)
        labels = np.arange(2 * self.n) % 2
        angle = turn * np.pi + labels * np.pi + random.normal(0, 0.1, 2 * self.n)
        points = (turn / 3.0)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        places = np.arange(2 * self.n)
        is_test = places // 2 % 4 == 3
        train, test = (Split(points[chosen], labels[chosen], places[chosen]) for chosen in (~is_test, is_test))
        return Data(train, test, self.describe())
