"""What a user of ``torch_module`` might have in a file of their own."""

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """A plain module that finds its input size by itself."""

    def __init__(self, n_classes: int = 0, hidden: int = 12) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.first = nn.Linear(16, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.second = nn.Linear(hidden, n_classes or 3)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of images, colour averaged away."""
        pooled = self.pool(inputs.mean(1, keepdim=True)).flatten(1)
        logits: Tensor = self.second(torch.relu(self.norm(self.first(pooled))))
        return logits


def not_a_module() -> int:
    """A factory that returns the wrong thing."""
    return 7


def empty() -> nn.Module:
    """A module without parameters."""
    return nn.Flatten()


def broken() -> nn.Module:
    """A factory that raises."""
    raise ValueError("no such network")


SETTING = 3
