"""Feature squeezing as a torch module."""

from __future__ import annotations

from torch import Tensor, nn

from qaml.types import Bounds


class Squeezing(nn.Module):
    """Round to the nearest of ``n_levels`` values between the bounds, both of them included."""

    def __init__(self, n_levels: int, bounds: Bounds) -> None:
        super().__init__()
        self.n_steps = n_levels - 1
        self.bounds = bounds

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → the same shape; inputs outside the bounds come out at the bound."""
        low, high = self.bounds
        level = ((inputs - low) / (high - low) * self.n_steps).round().clamp(0, self.n_steps)
        return low + level / self.n_steps * (high - low)
