"""Objectives of the battery's members: margins, cross-entropy, and their estimates without gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from qaml.attacks.access import Averaged
from qaml.attacks.scale import cross_entropy, margin, measure
from qaml.attacks.search import Look, by_differences, by_gradient, nearest_rivals, towards
from qaml.attacks.views import Jittered

RIVALS = 3
"""Number of nearest classes that are targeted separately."""
PAIRS, MORE_PAIRS, REACH = 16, 64, 0.5
"""SPSA's evaluations a gradient, more of them where gradients are surely of no use, and how far from the point, as a
share of the budget."""
SMOOTHED, AROUND = 8, 0.25
"""Gradients averaged around a point, and how far around it as a share of the budget."""

Looking = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Look]
"""(classifier, clean (n, *shape), labels (n,), generator) → how the classifier is looked at."""


class Looks:
    """The ways to look at one classifier within one budget; each method is a ``Looking`` or makes one.

    Args:
        target: the classifier itself, which judges what is made on other forms of it.
        epsilon: the budget.
    """

    def __init__(self, target: nn.Module, epsilon: float) -> None:
        self.target = target
        self.epsilon = epsilon

    def rival(self, place: int, judge: nn.Module | None = None) -> Looking:
        """The margin of the rival that is next but ``place`` at the clean input."""

        def looking(module: nn.Module, clean: Tensor, labels: Tensor, _: torch.Generator) -> Look:
            rivals = nearest_rivals(module, clean, labels, RIVALS)[place]
            return by_gradient(module, labels, towards(rivals), judge=judge)

        return looking

    def cross_entropy(self, module: nn.Module, clean: Tensor, labels: Tensor, _: torch.Generator) -> Look:
        """Cross-entropy at a scale where it has a gradient."""
        scale = measure(module, clean).factor
        return by_gradient(module, labels, lambda logits, own, _: cross_entropy(logits, own, scale))

    def margin(self, module: nn.Module, _: Tensor, labels: Tensor, __: torch.Generator) -> Look:
        """The largest wrong logit less the right one."""
        return by_gradient(module, labels, lambda logits, own, _: margin(logits, own))

    def of_target(self, module: nn.Module, _: Tensor, labels: Tensor, __: torch.Generator) -> Look:
        """The margin of another form of the classifier, until the classifier itself is fooled."""
        return by_gradient(module, labels, lambda logits, own, _: margin(logits, own), judge=self.target)

    def around(self, module: nn.Module, _: Tensor, labels: Tensor, generator: torch.Generator) -> Look:
        """The margin of mean logits around the point."""
        smoothed = Averaged(Jittered(module, AROUND * self.epsilon, generator), SMOOTHED)
        return by_gradient(smoothed, labels, lambda logits, own, _: margin(logits, own), judge=module)

    def differences(self, module: nn.Module, _: Tensor, labels: Tensor, generator: torch.Generator) -> Look:
        """The margin by SPSA."""
        return by_differences(module, labels, REACH * self.epsilon, PAIRS, generator)

    def fine_differences(self, module: nn.Module, _: Tensor, labels: Tensor, generator: torch.Generator) -> Look:
        """The margin by SPSA with more evaluations."""
        return by_differences(module, labels, REACH * self.epsilon, MORE_PAIRS, generator)
