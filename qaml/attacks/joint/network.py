"""Several classifiers as one, for an attacker of all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qaml.attacks.scale import balance, median_gap
from qaml.models.capabilities import reseed_all


class Ensemble(nn.Module):
    """Logits Σᵢ log softmax(scaleᵢ zᵢ) of classifiers on the same inputs (Dong et al. 2018, section 3.2).

    Args:
        members: the classifiers.
        scales: factor on the logits of each classifier.
    """

    def __init__(self, members: Sequence[nn.Module], scales: Sequence[float]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.scales = tuple(scales)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to logits (batch, classes)."""
        shares = [
            torch.log_softmax(scale * member(inputs), dim=1)
            for member, scale in zip(self.members, self.scales, strict=True)
        ]
        return torch.stack(shares).sum(dim=0)


def balanced(members: Sequence[nn.Module], inputs: Tensor) -> tuple[float, ...]:
    """The factors that bring the median gap between each classifier's two largest logits to 8 on (n, *shape) inputs.

    A classifier without any gap (a constant one) keeps its logits.
    """
    scales = []
    for member in members:
        reseed_all(member, 0)
        scales.append(balance(median_gap(member, inputs)))
    return tuple(scales)
