"""Points that a dataset could hold, on which a user's classifier is tried before its real inputs are there."""

from __future__ import annotations

import torch
from torch import Tensor

from qaml.types import Bounds, InputInfo

MARGIN = 0.05
"""Smallest distance from the bounds, as a share of their width."""


def points_within(info: InputInfo, n: int, seed: int = 0) -> Tensor:
    """Random points strictly within the bounds, or random states; torch's global generator is not used.

    Returns:
        (n, *shape) float32.
    """
    generator = torch.Generator().manual_seed(seed)
    if info.is_state:
        return torch.nn.functional.normalize(torch.randn((n, *info.shape), generator=generator), dim=1)
    low, high = finite(info)
    return low + (high - low) * (MARGIN + (1 - 2 * MARGIN) * torch.rand((n, *info.shape), generator=generator))


def finite(info: InputInfo) -> Bounds:
    """The bounds, with ends at −1 and 1 where there are none."""
    return info.bounds.closed(-1.0, 1.0)
