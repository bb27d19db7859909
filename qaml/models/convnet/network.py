"""The ConvNet of West et al. 2022 as a torch module."""

from __future__ import annotations

from torch import Tensor, nn


class ConvNetwork(nn.Module):
    """Convolutions, ReLU and max-pooling, then a classifier of two fully connected layers.

    Args:
        shape: (channels, height, width) of one input.
        n_classes: number of logits.
        channels: feature maps of each 3×3 convolution (padded by 1, so that it keeps the size).
        hidden: units between the two fully connected layers.
    """

    def __init__(self, shape: tuple[int, ...], n_classes: int, channels: tuple[int, ...], hidden: int) -> None:
        super().__init__()
        n_in, height, width = shape
        layers: list[nn.Module] = []
        for n_out in channels:
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
            # 7×7 images are down to one pixel after two poolings; a third would leave nothing
            if min(height, width) > 1:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
            n_in = n_out
        self.convolutions = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(n_in * height * width, hidden), nn.ReLU(), nn.Linear(hidden, n_classes)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, height, width) → logits (batch, n_classes)."""
        logits: Tensor = self.classifier(self.features(inputs))
        return logits

    def features(self, inputs: Tensor) -> Tensor:
        """The input of the fully connected layers: (batch, channels, height, width) → (batch, n_features)."""
        maps: Tensor = self.convolutions(inputs)
        return maps.flatten(1)
