"""Configuration of ResNet18."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module


class ResNet18(NetworkPart):
    """The residual network with 18 layers (He, Zhang, Ren, Sun 2016, table 1, arXiv:1512.03385), from scratch.

    Any image size: the feature maps are averaged before the last layer. 11,175,370 parameters with one input channel
    and ten classes.
    """

    kind: Literal["resnet18"] = "resnet18"
    stem: Literal["imagenet", "cifar"] = "imagenet"
    """First layers: ``imagenet``: 7×7 convolution with stride 2 and max-pooling, as published; ``cifar``: one 3×3
    convolution with stride 1 (about seven times the work on 28×28)."""
    width: int = Field(64, ge=1, le=512)
    """Number of feature maps of the first stage; the others have 2, 4 and 8 times as many."""

    needs_images: ClassVar[bool] = True

    def network(self, info: InputInfo) -> Module:
        """The untrained network."""
        from qaml.models.resnet18.network import ResidualNetwork

        return ResidualNetwork(info.shape[0], info.n_classes, self.stem, self.width)
