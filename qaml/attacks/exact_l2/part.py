"""Exact smallest L2 perturbations, and the L∞ bound that follows from them: their fields."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import field_validator

from qaml.attacks.base import AttackResult, Box, NormedAttack, Progress, Target
from qaml.types import Tensor


class ExactL2(NormedAttack):
    """The exact smallest L2 perturbation of a linear classifier, or of one with logits xᵀO_kx/‖x‖² (``docs/exact.md``).

    Norms are exact distances to the decision boundary, without the inputs' bounds: no attack is nearer, and with
    bounds they are certified lower bounds. Without ``epsilon`` the perturbation is unlimited.
    """

    kind: Literal["exact_l2"] = "exact_l2"
    norm: Literal["l2", "linf"] = "l2"
    """``l2``: exact distances, adversarials a hair beyond the boundary; ``linf``: the certified lower bound
    d₂/√n_features, without adversarials."""

    needs_gradients: ClassVar[bool] = False
    needs_exact: ClassVar[bool] = True
    is_iterative: ClassVar[bool] = True
    minimises: ClassVar[bool] = True
    ignores_bounds: ClassVar[bool] = True

    @field_validator("box")
    @classmethod
    def _has_no_box(cls, box: Box) -> Box:
        if box not in (None, (None, None)):
            raise ValueError("exact distances ignore the box: leave it out, or write 'none'")
        return box

    @property
    def is_bound(self) -> bool:
        """Whether norms are lower bounds: true in L∞."""
        return self.norm == "linf"

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        """Find every distance; in L2, step over the boundary where that is within the budget.

        Norms are the distances themselves, infima: an adversarial is larger by a relative 1e-6 to 1e-3, which
        single-precision logits need to flip. Where none flips, the answer is the clean input.

        Raises:
            PartError: the classifier has no exact distances.
        """
        from qaml.attacks.exact_l2.projection import attack

        return attack(self, target, inputs, labels, seed, progress)
