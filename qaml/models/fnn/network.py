"""A fully connected network with dropout as a torch module."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class FullyConnected(nn.Module):
    """Hidden layers of ReLU units, each followed by dropout, and a linear output.

    Args:
        n_features: number of coordinates of one input.
        n_classes: number of logits.
        hidden: number of units of each hidden layer.
        dropout: share of hidden units dropped in training.
    """

    def __init__(self, n_features: int, n_classes: int, hidden: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((n_features, *hidden)):
            layers += [nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden[-1], n_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes)."""
        logits: Tensor = self.layers(inputs.flatten(1))
        return logits

    def features(self, inputs: Tensor) -> Tensor:
        """The input of the last layer: (batch, …) → (batch, width of the last hidden layer)."""
        hidden: Tensor = self.layers[:-1](inputs.flatten(1))
        return hidden
