"""Uniform noise: the control that every attack must beat."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qaml.attacks.asking import Asking
from qaml.attacks.base import AttackResult, EpsilonGrid, Progress, Target
from qaml.types import Tensor


class UniformNoise(Asking):
    """Random perturbations, uniform in the L∞ cube or on the L2 sphere, clipped to the bounds."""

    kind: Literal["uniform_noise"] = "uniform_noise"
    epsilon: EpsilonGrid
    """Half the cube's side, or the sphere's radius; increasing."""
    draws: int = Field(10, ge=1, le=100_000)
    """Number of draws; an input counts as fooled if any draw fools it."""

    needs_gradients: ClassVar[bool] = False
    is_white_box: ClassVar[bool] = False
    is_search: ClassVar[bool] = False

    @property
    def most_asked(self) -> int:
        """Every draw at every budget."""
        return len(self.grid) * self.draws

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        """Perturb every input at every budget, keeping the first draw that fools."""
        from qaml.attacks.noise.draws import attack

        return attack(self, target, inputs, labels, seed, progress)
