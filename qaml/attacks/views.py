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


class Around(nn.Module):
    """The mean of a classifier's logits around a point: what shatters gradients averages out (Athalye et al. 2018)."""

    def __init__(self, module: nn.Module, reach: float, draws: int, generator: torch.Generator) -> None:
        super().__init__()
        self.module = module
        self.reach = reach
        self.draws = draws
        self.generator = generator

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to mean logits (batch, classes)."""
        total: Tensor | None = None
        for _ in range(self.draws):
            noise = (torch.rand(inputs.shape, generator=self.generator) * 2 - 1) * self.reach
            logits: Tensor = self.module(inputs + noise.to(inputs))
            total = logits if total is None else total + logits
        assert total is not None
        return total / self.draws
