"""Random resizing and padding as a torch module."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from qaml.models.seeding import derive_seed


class Resizing(nn.Module):
    """Each image shrunk to a random size, at a random place of an image of the old size.

    The draws of a forward pass are a function of the seed and of the number of passes since ``reseed``.

    Args:
        smallest: the smallest side drawn, as a share of the image's.
        background: the value around the shrunk image.
    """

    is_randomised = True

    def __init__(self, smallest: float, background: float) -> None:
        super().__init__()
        self.smallest = smallest
        self.background = background
        self.reseed(0)

    def reseed(self, seed: int) -> None:
        """Start the draws anew."""
        self._seed, self._n_passes = seed, 0

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, height, width) → the same shape."""
        generator = torch.Generator().manual_seed(derive_seed(self._seed, "resizing", self._n_passes))
        self._n_passes += 1
        share, top, left = torch.rand(3, len(inputs), generator=generator, dtype=torch.float64)
        rows = _placed(inputs.shape[2], self.smallest, share, top)
        columns = _placed(inputs.shape[3], self.smallest, share, left)
        shape = (len(inputs), *inputs.shape[2:])
        grid = torch.stack((columns[:, None, :].expand(shape), rows[:, :, None].expand(shape)), dim=3).to(inputs)
        shifted = nn.functional.grid_sample(inputs - self.background, grid, padding_mode="zeros", align_corners=False)
        return shifted + self.background


def _placed(length: int, smallest: float, share: Tensor, place: Tensor) -> Tensor:
    """Where along one axis each output pixel is read, in grid_sample's coordinates: (batch, length), −1 … 1 inside.

    A whole number of pixels is drawn for size and offset. As images only shrink, pixels beside the image are read a
    whole input pixel or more outside of it, so that this is bilinear interpolation followed by padding.
    """
    least = max(1, math.ceil(smallest * length))
    sizes = least + (share * (length - least + 1)).floor()
    offsets = (place * (length - sizes + 1)).floor()
    pixels = torch.arange(length, dtype=torch.float64)
    return 2 * (pixels - offsets[:, None] + 0.5) / sizes[:, None] - 1
