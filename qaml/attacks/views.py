"""Forms of a classifier for the battery where its own gradients vanish or shatter."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DoublePrecision(nn.Module):
    """A classifier put into double precision, for inputs in single: gradients of 1e-46 are zero in float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.double()

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to float64 logits (batch, classes)."""
        logits: Tensor = self.module(inputs.double())
        return logits.double()


class Jittered(nn.Module):
    """A classifier at a random point within reach; its mean smooths what shatters gradients (Athalye et al. 2018).

    Args:
        module: (batch, *shape) → logits.
        reach: largest shift of each coordinate, to both sides.
        generator: generator of the points.
    """

    def __init__(self, module: nn.Module, reach: float, generator: torch.Generator) -> None:
        super().__init__()
        self.module = module
        self.reach = reach
        self.generator = generator

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to logits (batch, classes)."""
        noise = (torch.rand(inputs.shape, generator=self.generator) * 2 - 1) * self.reach
        logits: Tensor = self.module(inputs + noise.to(inputs))
        return logits
