"""Training hooks that put every example of a batch in twice, clean and attacked, with weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qaml.defences.adversarial_training.hooks import evaluating
from qaml.defences.base import Craft
from qaml.models.base import Hooks
from qaml.models.seeding import derive_seed


class CleanAndAttacked(Hooks):
    """The batch followed by its adversarials; γ and 1 − γ weigh their mean losses."""

    def __init__(self, craft: Craft, gamma: float, seed: int) -> None:
        self.craft = craft
        self.gamma = gamma
        self.seed = seed

    def batch(self, module: nn.Module, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Twice as many examples, clean ones first."""
        with evaluating(module):
            attacked = self.craft(module, inputs, labels, derive_seed(self.seed, "craft", step))
        return torch.cat((inputs, attacked.detach())), torch.cat((labels, labels))

    def weigh(self, losses: Tensor) -> Tensor:
        """Weights whose mean over both halves is 1."""
        clean, attacked = losses.chunk(2)
        return torch.cat((2 * (1 - self.gamma) * clean, 2 * self.gamma * attacked))
