"""Noise layers as a torch module: the trained β, the draws, and the modes in which they draw."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qaml.models.draws import Draws
from qaml.models.noise_layers.part import NoiseLayers as Settings
from qaml.quantum.channels import flip_probability


class NoiseLayers(Draws, nn.Module):
    """The angles ηβ of every layer and wire.

    Args:
        settings: settings of the noise.
        n_layers: number of layers, each with a β of its own.
        n_wires: number of wires, each with a draw of its own.
    """

    def __init__(self, settings: Settings, n_layers: int, n_wires: int) -> None:
        super().__init__()
        self.settings = settings
        self.n_wires = n_wires
        self.beta = nn.Parameter(torch.full((n_layers,), settings.beta))
        self.inference = settings.inference
        self.start()

    @property
    def is_drawing(self) -> bool:
        """Whether the next forward pass draws."""
        return self.settings.training if self._is_being_trained else self.inference

    def angles(self, batch: int) -> Tensor:
        """Fresh angles ηβ in radians, differentiable in β: (n_layers, n_wires) or (batch, n_layers, n_wires)."""
        per_sample = not self._is_being_trained or self.settings.draw == "sample"
        shape = (*([batch] if per_sample else []), len(self.beta), self.n_wires)
        draws = torch.randn(shape, generator=self._generator) * self.settings.variance**0.5
        if self.settings.share < 1:
            draws = draws * (torch.rand(shape, generator=self._generator) < self.settings.share)
        angles: Tensor = draws.to(self.beta) * self.beta[:, None]
        return angles

    @torch.no_grad()
    def flips(self) -> Tensor:
        """The probability p of a Y that each layer's rotations average to, (n_layers,) float64."""
        sigma, share = self.settings.variance**0.5, self.settings.share
        flips = [flip_probability(sigma * beta, share) for beta in self.beta.double().tolist()]
        return torch.tensor(flips, dtype=torch.float64, device=self.beta.device)
