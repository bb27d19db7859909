"""A dense associative memory as a torch module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qaml.types import InputInfo

MEAN, SPREAD = -0.3, 0.3
"""Mean and standard deviation of the initial weights, as in the authors' code."""


class Memory(nn.Module):
    """Differences of energies of the label units, given the pixels (Krotov & Hopfield 2016, eq. 9).

    Args:
        info: description of the inputs, whose bounds become [−1, 1].
        n_memories: number K of memories.
        power: n of F(x) = max(x, 0)ⁿ.
        temperature: T; sums are divided by it before the power, as Tⁿ is no number of single precision.
    """

    def __init__(self, info: InputInfo, n_memories: int, power: int, temperature: float) -> None:
        super().__init__()
        self.n_pixels = info.n_features
        self.centre = (info.bounds.low + info.bounds.high) / 2
        self.reach = (info.bounds.high - info.bounds.low) / 2
        self.power = power
        self.temperature = temperature
        self.memories = nn.Parameter(MEAN + SPREAD * torch.randn(n_memories, info.n_features + info.n_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → logits z (batch, n_classes); the units' answers are tanh z."""
        pixels = (inputs.flatten(1) - self.centre) / self.reach
        seen, labels = self.memories[:, : self.n_pixels], self.memories[:, self.n_pixels :]
        off = pixels @ seen.T - labels.sum(1)  # (batch, K): every label unit is −1
        on = off[:, :, None] + 2 * labels  # (batch, K, n_classes): one of them is +1
        return self._energies(on).sum(1) - self._energies(off).sum(1, keepdim=True)

    def _energies(self, sums: Tensor) -> Tensor:
        """F of each memory's sum, divided by T."""
        energies: Tensor = torch.relu(sums / self.temperature) ** self.power
        return energies
