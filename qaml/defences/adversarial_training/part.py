"""Configuration of adversarial training."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qaml.defences.base import DefencePart, ForTraining
from qaml.models.base import Hooks
from qaml.registry import AttackName


class AdversarialTraining(DefencePart):
    """Train on clean and attacked examples (Goodfellow et al. 2015, arXiv:1412.6572).

    ``once`` attacks a network trained without this defence and trains a new one on the union of clean and attacked data
    (Kehoe et al. 2021, section 4.2); ``epoch`` attacks the network in training before every epoch (Huang & Zhang 2023,
    section 4.1, baseline); ``batch`` attacks it at every step (Madry et al. 2018, arXiv:1706.06083).
    """

    kind: Literal["adversarial_training"] = "adversarial_training"
    changes_training: ClassVar[bool] = True
    attack: AttackName
    """Attack to train against, at the largest budget of its grid."""
    clean_share: float = Field(0.5, ge=0, le=1)
    """Share of clean examples. In a union (``once``, ``epoch``) the larger part is complete and the smaller one is
    drawn from all of its examples; in a batch the examples are divided."""
    regenerate: Literal["once", "epoch", "batch"] = "once"
    """Time at which attacked examples are made."""

    @property
    def needs_undefended(self) -> bool:
        """Whether a network trained without this defence is attacked: true with ``once``."""
        return self.regenerate == "once"

    @property
    def follows_training(self) -> bool:
        """Whether the network is attacked as it trains: true but with ``once``."""
        return self.regenerate != "once"

    def training_hooks(self, given: ForTraining) -> Hooks:
        """Hooks that put attacked examples among the training data; ``once`` needs the undefended network, too."""
        from qaml.defences.adversarial_training.hooks import AttackedBatches, AttackedOnce, AttackedUnion

        assert given.craft is not None, "the runner gives the attack to a defence that names one"
        if self.regenerate == "batch":
            return AttackedBatches(given.craft, self.clean_share, given.seed)
        if self.regenerate == "epoch":
            return AttackedUnion(given.craft, self.clean_share, given.seed)
        assert given.undefended is not None, "the runner gives the undefended network to a defence that needs it"
        return AttackedOnce(given.craft, self.clean_share, given.seed, given.undefended)
