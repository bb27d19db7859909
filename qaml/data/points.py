"""Points on circles and in blobs, from scikit-learn's generators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from qaml.data.base import DatasetPart
from qaml.data.generated import check_points, divided
from qaml.types import Bounds, Data, InputInfo

BOX = 10.0
"""Half the side of the cube in which the centres of blobs are drawn."""


class Circles(DatasetPart):
    """Points (x, y) on a circle of radius 1 and a smaller one inside, with Gaussian noise on both coordinates."""

    kind: Literal["circles"] = "circles"
    n: int = Field(1000, ge=20, le=1_000_000)
    """Number of points, half of them on each circle."""
    noise: float = Field(0.05, ge=0, le=1)
    """Standard deviation of the noise, in units of the outer radius."""
    factor: float = Field(0.5, ge=0, lt=1)
    """Radius of the inner circle."""
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the points that is for testing; both circles keep their share."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the noise, of the order of the points, and of the choice of test points."""

    declared: ClassVar[Mapping[tuple[float, ...], str]] = {
        (1000, 0.05, 0.5, 0): "68148e971c1bf1fa10f951adf7bc20b6479223ca503d7def79b0b9e695f1a325",
    }
    """(n, noise, factor, seed) → SHA-256, see ``generated.digest``."""

    def describe(self) -> InputInfo:
        """Inputs of shape (2,); bounds are the outer circle's [−1, 1] and six standard deviations on either side."""
        reach = 1 + 6 * self.noise
        return InputInfo((2,), ("outer", "inner"), Bounds(-reach, reach))

    def checksums(self) -> Mapping[str, str]:
        """SHA-256 of the points for the default generator; for any other one its parameters, which pin the points."""
        parameters = f"n={self.n} noise={self.noise!r} factor={self.factor!r} seed={self.seed}"
        return {"make_circles": self.declared.get(self._parameters, parameters)}

    @property
    def _parameters(self) -> tuple[float, ...]:
        return self.n, self.noise, self.factor, self.seed

    def read(self) -> Data:
        """The points, split; ``indices`` count through the generator's order, over both splits.

        Raises:
            DataError: the generator made other points than declared, or points out of bounds.
        """
        from sklearn.datasets import make_circles

        points, labels = make_circles(self.n, noise=self.noise, factor=self.factor, random_state=self.seed)
        check_points("make_circles", points, labels, self.n, self.describe(), self.declared.get(self._parameters))
        return divided(points, labels, self.describe(), self.test_share, self.seed)


class Blobs(DatasetPart):
    """Points of one normal distribution a class, whose centres are drawn in a cube of side 20 around zero."""

    kind: Literal["blobs"] = "blobs"
    n: int = Field(1000, ge=20, le=1_000_000)
    """Number of points, shared equally among the classes."""
    classes: int = Field(2, ge=2, le=100)
    """Number of classes, called by their numbers."""
    features: int = Field(2, ge=1, le=1000)
    """Number of coordinates of a point."""
    std: float = Field(1.0, gt=0, le=100)
    """Standard deviation of each class in each coordinate."""
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the points that is for testing; every class keeps its share."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the centres, of the points and their order, and of the choice of test points."""

    declared: ClassVar[Mapping[tuple[float, ...], str]] = {
        (1000, 2, 2, 1.0, 0): "0d6a982314c5b515c4e78259932ed41c4cbd9dccfaefa80bb2fcbe4b04eaee14",
    }
    """(n, classes, features, std, seed) → SHA-256, see ``generated.digest``."""

    def describe(self) -> InputInfo:
        """Inputs of shape (features,); bounds are the cube and six standard deviations on either side."""
        reach = BOX + 6 * self.std
        return InputInfo((self.features,), tuple(map(str, range(self.classes))), Bounds(-reach, reach))

    def checksums(self) -> Mapping[str, str]:
        """SHA-256 of the points for the default generator; for any other one its parameters, which pin the points."""
        parameters = f"n={self.n} classes={self.classes} features={self.features} std={self.std!r} seed={self.seed}"
        return {"make_blobs": self.declared.get(self._parameters, parameters)}

    @property
    def _parameters(self) -> tuple[float, ...]:
        return self.n, self.classes, self.features, self.std, self.seed

    def read(self) -> Data:
        """The points, split; ``indices`` count through the generator's order, over both splits.

        Raises:
            DataError: the generator made other points than declared, or points out of bounds.
        """
        from sklearn.datasets import make_blobs

        points, labels = make_blobs(
            self.n,
            self.features,
            centers=self.classes,
            cluster_std=self.std,
            center_box=(-BOX, BOX),
            random_state=self.seed,
        )
        check_points("make_blobs", points, labels, self.n, self.describe(), self.declared.get(self._parameters))
        return divided(points, labels, self.describe(), self.test_share, self.seed)
