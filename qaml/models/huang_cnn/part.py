"""Configuration of Huang & Zhang's convolutional network."""

from __future__ import annotations

from typing import ClassVar, Literal

from qaml.errors import PartError
from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module

SMALLEST_UNPADDED = 12
"""Smallest side in pixels of which filters of 8, 4 and 2 pixels leave a pixel: 8 + 4 + 2 − 2."""


class HuangCNN(NetworkPart):
    """Three convolutions (64, 128, 64 filters of 8×8, 4×4, 2×2) with ReLU, flattened into one linear layer.

    Huang & Zhang 2023, section 4.1, attack settings. The paper states neither stride, padding nor activation; here
    filters move by one pixel. The softmax it names is part of the loss, and outputs are logits.
    """

    kind: Literal["huang_cnn"] = "huang_cnn"
    padding: Literal["valid", "same"] = "valid"
    """Padding: ``valid``: none, for images of at least 12×12; ``same``: zeros that keep the size, for any image."""

    needs_images: ClassVar[bool] = True

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that are no images, or too small for filters without padding."""
        super().check(info)
        if self.padding == "valid" and min(info.shape[1:]) < SMALLEST_UNPADDED:
            height, width = info.shape[1:]
            raise PartError(
                "model 'huang_cnn' without padding expects images of at least "
                f"{SMALLEST_UNPADDED}×{SMALLEST_UNPADDED}, got {height}×{width}",
                "set 'padding: same'",
            )

    def network(self, info: InputInfo) -> Module:
        """The untrained network."""
        from qaml.models.huang_cnn.network import ThreeConvolutions

        return ThreeConvolutions(info.shape, info.n_classes, self.padding)
