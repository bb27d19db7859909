"""Spatial smoothing as a torch module."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MedianFilter(nn.Module):
    """The median of a square window, differentiable almost everywhere.

    Args:
        window: side of the window, no larger than the image.
    """

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, height, width) → the same shape."""
        rows = _reflected(inputs.shape[2], self.window, inputs.device)
        columns = _reflected(inputs.shape[3], self.window, inputs.device)
        padded = inputs[:, :, rows][:, :, :, columns]
        windows = padded.unfold(2, self.window, 1).unfold(3, self.window, 1).flatten(4)
        return windows.sort(dim=4).values[..., self.window**2 // 2]


def _reflected(length: int, window: int, device: torch.device) -> Tensor:
    """Positions along a padded axis, (length + window − 1,): 1 0 | 0 1 … n−1 | n−1 n−2 and so on."""
    positions = torch.arange(-(window // 2), length + (window - 1) // 2, device=device)
    positions = torch.where(positions < 0, -1 - positions, positions)
    return torch.where(positions >= length, 2 * length - 1 - positions, positions)
