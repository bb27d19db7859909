"""The loss and the update rule of Krotov & Hopfield 2016 (arXiv:1606.01164, appendix A, and the authors' code)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from qaml.models.dense_memory.part import DenseMemory

SMALLEST = 1e-30
"""Smallest velocity that is scaled up to the learning rate."""


def power_loss(power: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Σ_α (tanh z_α − t_α)^(2m) of every example, t = 1 for the label and −1 for the others (eq. 14)."""

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        targets = 2.0 * nn.functional.one_hot(labels, logits.shape[1]) - 1.0
        return ((logits.tanh() - targets) ** (2 * power)).sum(1)

    return loss


class NormalisedMomentum(torch.optim.Optimizer):
    """V ← pV − ∂ξ, ξ ← ξ + ε V^μ / max_I |V_I^μ| within [−1, 1], and ε falls from step to step (eqs. 12 and 13).

    Args:
        parameters: the memories, (K, n) each.
        lr: learning rate ε₀.
        momentum: p.
        decay: factor on ε after each step.
        weight_decay: strength of the L2 penalty.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, momentum: float, decay: float, weight_decay: float
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "decay": decay, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step."""
        assert closure is None, "gradients are there"
        for group in self.param_groups:
            for memories in group["params"]:
                gradient = memories.grad + group["weight_decay"] * memories
                state = self.state[memories]
                if not state:
                    state["step"], state["velocity"] = torch.zeros(()), torch.zeros_like(memories)
                velocity = state["velocity"].mul_(group["momentum"]).sub_(gradient)
                rate = group["lr"] * group["decay"] ** float(state["step"])
                largest = velocity.abs().amax(1, keepdim=True).clamp(min=SMALLEST)
                memories.add_(rate * velocity / largest).clamp_(-1.0, 1.0)
                state["step"] += 1


def optimiser(part: DenseMemory, n_examples: int) -> Callable[[list[nn.Parameter]], torch.optim.Optimizer] | None:
    """The authors' rule for this number of training examples; ``None`` where the part asks for another."""
    training = part.training
    if training.optimiser != "sgd":
        return None
    decay = part.decay ** (1 / max(1, -(-n_examples // training.batch)))
    return lambda memories: NormalisedMomentum(memories, training.lr, training.momentum, decay, training.weight_decay)
