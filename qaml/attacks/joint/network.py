"""Several classifiers as one, for an attacker of all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

BATCH = 500
GAP = 8.0
"""The median gap that every model's logits are brought to.

At a gap of 1 the softmax is so flat that the loss pulls towards all wrong classes at once, and the models end in
different ones: a linear and a fully connected model of the digits still disagree about 44 % of the adversarials at
ε = 0.2, about 5 to 7 % for gaps from 4 to 16.
"""


class Ensemble(nn.Module):
    """Logits Σᵢ log softmax(scaleᵢ zᵢ) of classifiers on the same inputs (Dong et al. 2018, section 3.2).

    Args:
        members: the classifiers.
        scales: what the logits of each are multiplied by.
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


@torch.no_grad()
def balanced(members: Sequence[nn.Module], inputs: Tensor) -> tuple[float, ...]:
    """What brings the median gap between each classifier's two largest logits to ``GAP`` on (n, *shape) inputs.

    A classifier without any gap (a constant one) keeps its logits.
    """
    scales = []
    for member in members:
        if callable(reseed := getattr(member, "reseed", None)):
            reseed(0)
        gaps = []
        for batch in torch.split(inputs, BATCH):
            largest = member(batch).topk(2, dim=1).values
            gaps.append(largest[:, 0] - largest[:, 1])
        median = float(torch.cat(gaps).median()) if len(inputs) else 0.0
        scales.append(GAP / median if median > 0 else 1.0)
    return tuple(scales)
