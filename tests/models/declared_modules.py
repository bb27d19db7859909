"""Modules of a user who declares something of them, true or false."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Affine(nn.Module):
    """Two linear layers in a row are one, in float64; with a ``kink`` they are not, near one corner."""

    def __init__(self, kink: float = 0.0, n_features: int = 4) -> None:
        super().__init__()
        self.kink = kink
        self.one, self.two = nn.Linear(n_features, 5).double(), nn.Linear(5, 3).double()
        self.affine = nn.Flatten()  # a name that means something to qaml, and something else here

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.two(self.one(self.affine(inputs)))
        return logits + self.kink * torch.relu(inputs.flatten(1).sum(1, keepdim=True) - 2)


class Cone(nn.Module):
    """Logits 3·xᵀO_kx/‖x‖²; ``wrong`` observables belong to other logits."""

    matrices: Tensor

    def __init__(self, wrong: bool = False) -> None:
        super().__init__()
        made = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(3))
        self.register_buffer("matrices", made + made.mT)
        self.wrong = wrong

    def observables(self) -> Tensor:
        return self.matrices + (torch.eye(4) * 0.1 if self.wrong else 0)

    def forward(self, inputs: Tensor) -> Tensor:
        if not inputs.any(1).all():
            raise ValueError("nothing has no direction")
        return 3 * torch.einsum("bi,kij,bj->bk", inputs, self.matrices, inputs) / inputs.square().sum(1, keepdim=True)


class ChannelsLast(nn.Module):
    """Reads the last axis as channels."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3, 3)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.mix(images.mean((1, 2)))
        return logits


class Told(nn.Module):
    """A module of nothing but its arguments."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.arguments = arguments
        self.register_buffer("centres", torch.tensor(arguments.get("centres", [[0.2], [0.5], [0.8]])))

    def forward(self, inputs: Tensor) -> Tensor:
        return -(inputs[:, None, :1] - self.centres).square().sum(2)  # type: ignore[operator]


class Steps(nn.Module):
    """Logits that are constant nearly everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.layer(inputs)
        return logits.round().detach()
