"""Classifiers without gradients whose distances to the boundary are known."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks import Target
from qaml.types import Bounds


class Stump(nn.Module):
    """Class 1 beyond a threshold of the first feature: in every norm |x₀ − t| from the boundary."""

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor([threshold]))

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → one-hot scores (batch, 2)."""
        above = (inputs.flatten(1)[:, 0] > self.threshold).float()
        return torch.stack([1 - above, above], 1)

    def distances(self, inputs: Tensor) -> NDArray[np.float64]:
        """(n,) exact."""
        found: NDArray[np.float64] = (inputs.flatten(1)[:, 0].double() - self.threshold.item()).abs().numpy()
        return found


class Neighbour(nn.Module):
    """The class of the nearest of some points, of which one a class: half planes in L2."""

    points: Tensor

    def __init__(self, points: Tensor) -> None:
        super().__init__()
        self.register_buffer("points", points)

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, features) → one-hot scores (batch, n_points)."""
        nearest = torch.cdist(inputs.flatten(1), self.points).argmin(1)
        return nn.functional.one_hot(nearest, len(self.points)).float()

    def distances(self, inputs: Tensor) -> NDArray[np.float64]:
        """(n,) exact in L2: the nearest of the bisectors between the nearest point p and the others q.

        (‖x − q‖² − ‖x − p‖²) / 2‖q − p‖.
        """
        x, points = inputs.double().numpy(), self.points.double().numpy()
        squares = ((x[:, None] - points[None]) ** 2).sum(2)
        own = squares.argmin(1)
        apart = np.sqrt(((points[own][:, None] - points[None]) ** 2).sum(2))
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (squares - squares.min(1, keepdims=True)) / (2 * apart)
        far[np.arange(len(x)), own] = np.inf
        smallest: NDArray[np.float64] = far.min(1)
        return smallest


class Counting(nn.Module):
    """A classifier that counts the points it is asked about."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module, self.points = module, 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.points += len(inputs)
        answer: Tensor = self.module(inputs)
        return answer


def planted(module: nn.Module, bounds: Bounds, n: int = 40, features: int = 2, seed: int = 0) -> tuple[Target, Tensor]:
    """A target, and inputs that fill the unit cube."""
    inputs = torch.rand(n, features, generator=torch.Generator().manual_seed(seed))
    return Target(module, bounds, 2), inputs
