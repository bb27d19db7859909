"""The nearest-centroid classifier as a torch module."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.types import Split


class NearestCentroid(nn.Module):
    """Logits −s‖x − c_k‖²."""

    def __init__(self, n_features: int, n_classes: int, sharpness: float, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.centroids = nn.Parameter(torch.rand(n_classes, n_features, generator=generator))
        self.sharpness = sharpness

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes)."""
        return -self.sharpness * (inputs.flatten(1)[:, None] - self.centroids).square().sum(2)

    @torch.no_grad()
    def restore(self, centroids: NDArray[Any]) -> None:
        """Put the means in place."""
        self.centroids.copy_(torch.from_numpy(np.array(centroids)))


@torch.no_grad()
def averages(module: NearestCentroid, data: Split, n_classes: int) -> float:
    """Set each centroid to its class's mean; the mean squared distance that is left."""
    inputs, labels = torch.from_numpy(np.array(data.inputs)).flatten(1), torch.from_numpy(np.array(data.labels))
    means = torch.stack([inputs[labels == k].mean(0) for k in range(n_classes)])
    module.centroids.copy_(means)
    return float((inputs - means[labels]).square().sum(1).mean())
