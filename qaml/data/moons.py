"""Two interleaving half circles in the plane, from scikit-learn's generator (Huang & Zhang 2023, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from qaml.data.base import DatasetPart
from qaml.data.generated import check_points, divided
from qaml.types import Bounds, Data, InputInfo

DECLARED = {(1000, 0.03, 0): "947af1654b72fcac1f576db7adfd9a7e657a0292e9da538fe83e011f7fafb764"}
"""(n, noise, seed) → SHA-256, see ``generated.digest``."""


class Moons(DatasetPart):
    """Points (x, y) on two half circles of radius 1, with Gaussian noise on both coordinates."""

    kind: Literal["moons"] = "moons"
    n: int = Field(1000, ge=20, le=1_000_000)
    """Number of points, half of them on each moon."""
    noise: float = Field(0.03, ge=0, le=1)
    """Standard deviation of the noise, in units of the radius."""
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the points that is for testing; both moons keep their share."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the noise, of the order of the points, and of the choice of test points."""

    def describe(self) -> InputInfo:
        """Inputs of shape (2,); bounds are the noiseless moons' [−1, 2] and six standard deviations on either side."""
        return InputInfo((2,), ("upper", "lower"), Bounds(-1 - 6 * self.noise, 2 + 6 * self.noise))

    def checksums(self) -> Mapping[str, str]:
        """SHA-256 of the points for the default generator; for any other one its parameters, which pin the points."""
        parameters = f"n={self.n} noise={self.noise!r} seed={self.seed}"
        return {"make_moons": DECLARED.get(self._parameters, parameters)}

    @property
    def _parameters(self) -> tuple[int, float, int]:
        return self.n, self.noise, self.seed

    def read(self) -> Data:
        """The points, split; ``indices`` count through the generator's order, over both splits.

        Raises:
            DataError: the generator made other points than declared, or points out of bounds.
        """
        from sklearn.datasets import make_moons

        points, labels = make_moons(n_samples=self.n, noise=self.noise, random_state=self.seed)
        check_points("make_moons", points, labels, self.n, self.describe(), DECLARED.get(self._parameters))
        return divided(points, labels, self.describe(), self.test_share, self.seed)
