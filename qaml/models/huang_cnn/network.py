"""The convolutional network of Huang & Zhang 2023 as a torch module."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

FILTERS = ((64, 8), (128, 4), (64, 2))
"""Number and side of each layer's filters."""


class ThreeConvolutions(nn.Module):
    """Three convolutions with ReLU and a linear output.

    Args:
        shape: (channels, height, width) of one input.
        n_classes: number of logits.
        padding: ``valid`` or ``same``.
    """

    def __init__(self, shape: tuple[int, ...], n_classes: int, padding: Literal["valid", "same"]) -> None:
        super().__init__()
        n_in, height, width = shape
        layers: list[nn.Module] = []
        for n_out, side in FILTERS:
            if padding == "same":
                # PyTorch warns that it copies the input for even filters; explicit padding is the same, without the
                # warning
                layers.append(nn.ZeroPad2d(((side - 1) // 2, side // 2) * 2))
            else:
                height, width = height - side + 1, width - side + 1
            layers += [nn.Conv2d(n_in, n_out, side), nn.ReLU()]
            n_in = n_out
        self.convolutions = nn.Sequential(*layers)
        self.classifier = nn.Linear(n_in * height * width, n_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, height, width) → logits (batch, n_classes)."""
        logits: Tensor = self.classifier(self.features(inputs))
        return logits

    def features(self, inputs: Tensor) -> Tensor:
        """The input of the fully connected layer: (batch, channels, height, width) → (batch, n_features)."""
        maps: Tensor = self.convolutions(inputs)
        return maps.flatten(1)
