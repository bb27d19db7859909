"""Training hooks that append a noisy copy to every batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qaml.models.base import Hooks
from qaml.models.seeding import derive_seed
from qaml.types import Bounds


class NoisyCopies(Hooks):
    """The batch, and the batch with Gaussian noise; a step's noise is a function of the seed and the step."""

    def __init__(self, sigma: float, bounds: Bounds | None, seed: int) -> None:
        self.sigma = sigma
        self.bounds = bounds
        self.seed = seed

    def batch(self, module: nn.Module, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Twice as many examples, clean ones first."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "noise", step))
        noise = torch.randn(inputs.shape, generator=generator).to(inputs)
        noisy = inputs + self.sigma * noise
        if self.bounds is not None:
            noisy = noisy.clamp(*self.bounds)
        return torch.cat((inputs, noisy)), torch.cat((labels, labels))
