"""Gradients of a circuit's expectation value from evaluations at shifted inputs, as on quantum hardware.

Huang & Zhang 2023 (section 3.2, eq. 10) argue that noise layers protect because each of these evaluations draws its own
noise. Here every evaluation does: estimates are as noisy as the argument assumes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from qaml.autograd import differentiable
from qaml.errors import PartError
from qaml.models.capabilities import OneValued


class Rule(NamedTuple):
    """A rule that estimates ∂f/∂x_i by (f(x + shift e_i) − f(x − shift e_i)) × factor."""

    shift: float
    factor: float


PARAMETER_SHIFT = Rule(math.pi / 2, 0.5)
"""The rule that is exact where x_i is the angle of one rotation RX(x_i) (Mitarai et al. 2018; Schuld et al. 2019)."""


def finite_difference(step: float) -> Rule:
    """Central differences, with an error of second order in the step (Huang & Zhang 2023, eq. 10)."""
    return Rule(step, 0.5 / step)


class EstimatedGradient(nn.Module):
    """A circuit whose gradient in its inputs is estimated by a rule; its values are its own.

    Args:
        module: a ``OneValued``.
        rule: shift and factor, the same for every coordinate.
    """

    def __init__(self, module: nn.Module, rule: Rule) -> None:
        super().__init__()
        if not isinstance(module, OneValued):
            raise PartError("an estimated gradient needs a circuit with one measured wire", "attack a qnn or a qcnn")
        self.module: OneValued = module
        self.rule = rule

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, 2)."""
        return self.module.logits_of(differentiable(_Estimated, inputs, self.module.expectations, self.rule))


class _Estimated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, function: Callable[[Tensor], Tensor], rule: Rule) -> Tensor:
        ctx.save_for_backward(inputs)
        ctx.function, ctx.rule = function, rule
        with torch.no_grad():
            return function(inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (inputs,) = ctx.saved_tensors
        found = torch.empty_like(inputs).flatten(1)
        with torch.no_grad():
            for i in range(found.shape[1]):
                shift = torch.zeros_like(found)
                shift[:, i] = ctx.rule.shift
                shift = shift.reshape(inputs.shape)
                change = ctx.function(inputs + shift) - ctx.function(inputs - shift)
                found[:, i] = ctx.rule.factor * change * gradients[0]
        return found.reshape(inputs.shape), None, None
