"""The learning rate and the momentum during training, as pure functions of the share that is done.

So a run that continues from a checkpoint needs no stored state for them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

RISE = 0.3
"""Share of training in which the learning rate rises."""
START, END = 1 / 25, 1 / 25 / 1e4
"""The first and the last learning rate, as shares of the largest."""
SLOW, FAST = 0.95, 0.85
"""Momentum at a small and at the largest learning rate."""


class Pace(NamedTuple):
    """The learning rate and momentum of one step."""

    lr: float
    momentum: float


def one_cycle(done: float, peak: float) -> Pace:
    """Up along half a cosine, then down along another (Smith & Topin 2017, arXiv:1708.07120).

    The defaults are those of ``torch.optim.lr_scheduler.OneCycleLR``.

    Args:
        done: share of training that is done, 0 … 1.
        peak: the largest learning rate.
    """
    if done < RISE:
        share = done / RISE
        return Pace(_between(START * peak, peak, share), _between(SLOW, FAST, share))
    share = (done - RISE) / (1 - RISE)
    return Pace(_between(peak, END * peak, share), _between(FAST, SLOW, share))


def set_pace(optimiser: torch.optim.Optimizer, pace: Pace) -> None:
    """Set the learning rate and momentum of the next step; the momentum of Adam is its β₁."""
    for group in optimiser.param_groups:
        group["lr"] = pace.lr
        if "betas" in group:
            group["betas"] = (pace.momentum, group["betas"][1])
        else:
            group["momentum"] = pace.momentum


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
