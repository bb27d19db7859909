"""An attack without a gradient: every coordinate goes down by the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from qaml.attacks.base import AttackPart, AttackResult, EpsilonGrid, Progress, Target
from qaml.vocab import Norm

if TYPE_CHECKING:
    from torch import Tensor


class Darken(AttackPart):
    """x − ε, clipped to the bounds."""

    kind: Literal["example/darken"] = "example/darken"
    epsilon: EpsilonGrid
    """Budgets in L∞, increasing."""

    needs_gradients: ClassVar[bool] = False
    is_white_box: ClassVar[bool] = False

    @property
    def threat_norm(self) -> Norm:
        """The norm that budgets are measured in."""
        return "linf"

    def run(
        self,
        target: Target,
        inputs: Tensor,
        labels: Tensor,
        seed: int,  # noqa: ARG002
        progress: Progress,
    ) -> AttackResult:
        """Darken every input at every budget."""
        import torch

        found = torch.stack([(inputs - epsilon).clamp(*target.bounds) for epsilon in self.grid])
        modes = {module: module.training for module in target.module.modules()}
        target.module.eval()
        try:
            with torch.no_grad():
                fooled = torch.stack([target.module(each).argmax(1) != labels for each in found])
        finally:
            for module, mode in modes.items():
                module.training = mode
        progress(1.0)
        return AttackResult(found.cpu().numpy(), fooled.cpu().numpy())
