"""ResNet18 (He et al. 2016) as a torch module, without torchvision."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut around them (He et al. 2016, figure 5, left).

    Where the block halves the image or changes the number of feature maps, the shortcut is a 1×1 convolution
    (option B of section 3.3).
    """

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, n_in, h, w) → (batch, n_out, ⌈h / stride⌉, ⌈w / stride⌉)."""
        return nn.functional.relu(self.residual(inputs) + self.shortcut(inputs))


class ResidualNetwork(nn.Module):
    """A stem, four stages of two blocks, an average over the image, and a linear layer.

    Args:
        n_channels: number of channels of the input.
        n_classes: number of logits.
        stem: ``imagenet`` or ``cifar``.
        width: feature maps of the first stage.
    """

    def __init__(self, n_channels: int, n_classes: int, stem: Literal["imagenet", "cifar"], width: int) -> None:
        super().__init__()
        self.stem = _stem(n_channels, stem, width)
        widths = (width, width, 2 * width, 4 * width, 8 * width)
        blocks: list[nn.Module] = []
        for stage, (n_in, n_out) in enumerate(pairwise(widths)):
            blocks += [BasicBlock(n_in, n_out, 1 if stage == 0 else 2), BasicBlock(n_out, n_out, 1)]
        self.stages = nn.Sequential(*blocks)
        self.classifier = nn.Linear(widths[-1], n_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                # He et al. 2015, arXiv:1502.01852: keeps the gradients' variance through the depth
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, height, width) → logits (batch, n_classes)."""
        logits: Tensor = self.classifier(self.features(inputs))
        return logits

    def features(self, inputs: Tensor) -> Tensor:
        """The input of the linear layer: (batch, channels, height, width) → (batch, 8 × width)."""
        maps: Tensor = self.stages(self.stem(inputs))
        return maps.mean((2, 3))


def _stem(n_channels: int, stem: Literal["imagenet", "cifar"], width: int) -> nn.Sequential:
    if stem == "cifar":
        convolution = nn.Conv2d(n_channels, width, 3, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())
    convolution = nn.Conv2d(n_channels, width, 7, stride=2, padding=3, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1))
