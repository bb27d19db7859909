"""Configuration of the combined loss."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qaml.defences.base import DefencePart, ForTraining
from qaml.models.base import Hooks
from qaml.registry import AttackName


class CombinedLoss(DefencePart):
    """L' = γ L(f(x_adv), y) + (1 − γ) L(f(x), y) in every step (Huang & Zhang 2023, eq. 9).

    Each example of a batch is attacked anew, against the network as it then is, through noise layers that draw in
    training (eq. 8), and enters the step both clean and attacked. Adversarial training with ``regenerate: batch``
    divides the batch instead.
    """

    kind: Literal["combined_loss"] = "combined_loss"
    changes_training: ClassVar[bool] = True
    attack: AttackName
    """Attack to train against, at the largest budget of its grid."""
    gamma: float = Field(0.5, ge=0, le=1)
    """Weight γ of the attacked examples."""

    @property
    def follows_training(self) -> bool:
        """Always true: every batch is attacked anew."""
        return True

    def training_hooks(self, given: ForTraining) -> Hooks:
        """Hooks that attack every batch and weigh its losses."""
        from qaml.defences.combined_loss.hooks import CleanAndAttacked

        assert given.craft is not None, "the runner gives the attack to a defence that names one"
        return CleanAndAttacked(given.craft, self.gamma, given.seed)
