"""AutoAttack: its fields, and which of its attacks fit how many classes."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qaml.attacks.base import AttackResult, EpsilonGrid, NormedAttack, Progress, Target
from qaml.types import Tensor
from qaml.vocab import Answers

Member = Literal["apgd_ce", "apgd_dlr", "apgd_t", "fab", "fab_t", "square"]

MINIMUM_CLASSES: dict[Member, int] = {
    "apgd_ce": 2,
    "apgd_dlr": 3,
    "apgd_t": 4,
    "fab": 2,
    "fab_t": 2,
    "square": 2,
}
"""The DLR loss sorts three logits, the targeted one four (Croce & Hein 2020, eqs. 6 and 7)."""


def standard_members(n_classes: int) -> tuple[Member, ...]:
    """The attacks that run by default: the standard version where it is defined, otherwise the most similar one."""
    if n_classes <= 2:
        return ("apgd_ce", "fab", "square")
    return ("apgd_ce", "apgd_dlr" if n_classes == 3 else "apgd_t", "fab_t", "square")


class AutoAttack(NormedAttack):
    """APGD, FAB and Square in sequence, each on inputs that are still right (Croce & Hein 2020, arXiv 2003.01690)."""

    kind: Literal["autoattack"] = "autoattack"
    epsilon: EpsilonGrid
    """Budgets in ``norm`` and the dataset's units, increasing."""
    members: tuple[Member, ...] | None = Field(None, min_length=1)
    """The attacks to run in order; default: the standard ones for the number of classes."""
    steps: int = Field(100, ge=1, le=10_000)
    """Number of iterations of APGD and FAB."""
    queries: int = Field(5000, ge=1, le=1_000_000)
    """Number of forward passes of Square."""
    restarts: int = Field(1, ge=1, le=100)
    """Number of restarts of APGD and FAB."""
    rescale: bool = True
    """Whether ``apgd_ce`` takes logits at a scale where cross-entropy has a gradient, as the gradient attacks do; the
    other members do not depend on it."""
    eot: int = Field(1, ge=1, le=10_000)
    """Number of forward passes over which logits are averaged, for randomised models (Athalye et al. 2018)."""

    is_iterative: ClassVar[bool] = True

    @property
    def needs_gradients(self) -> bool:
        """Whether any member differentiates the classifier: Square alone uses queries only."""
        return self.members is None or any(member != "square" for member in self.members)

    @property
    def is_white_box(self) -> bool:
        """Whether any member sees the model, as in ``needs_gradients``: Square knows the classifier's answers only."""
        return self.needs_gradients

    @property
    def asks(self) -> Answers | None:
        """The scores, where no member sees the model."""
        return None if self.is_white_box else "scores"

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        """Attack every input at every budget of the grid.

        Raises:
            PartError: a named member does not exist for this number of classes.
        """
        from qaml.attacks.autoattack.ensemble import attack

        return attack(self, target, inputs, labels, seed, progress)
