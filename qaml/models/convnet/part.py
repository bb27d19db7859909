"""Configuration of West et al.'s ConvNet."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module

Width = Annotated[int, Field(ge=1, le=2_048)]


class ConvNet(NetworkPart):
    """Three 3×3 convolutions, each with ReLU and 2×2 max-pooling, and two fully connected layers.

    West et al. 2022, appendix and section S1. The paper gives about 10⁶ parameters and not the width of the hidden
    fully connected layer; 256 makes 962,314 on 28×28 greyscale images with ten classes.
    """

    kind: Literal["convnet"] = "convnet"
    channels: tuple[Width, Width, Width] = (64, 128, 256)
    """Numbers of feature maps of the three convolutions."""
    hidden: int = Field(256, ge=1, le=16_384)
    """Number of units of the first fully connected layer."""

    needs_images: ClassVar[bool] = True

    def network(self, info: InputInfo) -> Module:
        """The untrained network."""
        from qaml.models.convnet.network import ConvNetwork

        return ConvNetwork(info.shape, info.n_classes, self.channels, self.hidden)
