"""Gradient attacks within a budget: their fields and the perturbations that they can reach."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from qaml.attacks.base import AttackResult, EpsilonGrid, NormedAttack, Progress, Target
from qaml.types import Epsilon, Tensor
from qaml.vocab import GradientRule

DIFFERENCE = 0.01
"""Half the distance of a finite difference's evaluations, unless an attack says otherwise."""


class GradientAttack(NormedAttack):
    """Base of the attacks that maximise the loss within a ball around the input."""

    epsilon: EpsilonGrid
    """Budgets in ``norm`` and the dataset's units, increasing."""
    loss: Literal["cross_entropy", "margin"] = "cross_entropy"
    """Loss that is maximised. The margin max_{j≠y} z_j − z_y keeps a gradient where a saturated softmax has none."""
    rescale: bool = True
    """Whether cross-entropy takes logits at a scale where it has a gradient: where the median gap between the two
    largest, on clean images, is below 6 or above 32, multiplied by a constant so that it becomes 8. ``false`` climbs
    plain cross-entropy, saturation in float32 included."""
    eot: int = Field(1, ge=1, le=10_000)
    """Number of forward passes over which logits are averaged, for randomised models (Athalye et al. 2018)."""
    gradient: GradientRule = "single_draw"
    """Form of the classifier that the attacker differentiates: a fresh draw at every step, the ``exact`` average over
    the draws of noise layers, or, for circuits, estimates by ``parameter_shift`` or ``finite_difference``, each
    evaluation of which draws its own noise, and its own ``shots``."""
    difference: float = Field(DIFFERENCE, gt=0)
    """Half the distance of the two evaluations of a ``finite_difference``, in units of the inputs."""
    shots: int | None = Field(None, ge=1, le=10_000_000, exclude_if=lambda shots: shots is None)
    """Number of shots of every circuit that ``parameter_shift`` and ``finite_difference`` evaluate, as if by a device
    (default: exact expectation values). Circuits and shots that an image costs are counted."""

    @model_validator(mode="after")
    def _averaged_once(self) -> Self:
        if self.gradient == "exact" and self.eot > 1:
            raise ValueError("expected 'eot' or 'gradient: exact', got both; the exact average has nothing to average")
        if self.shots is not None and not self.is_estimated:
            raise ValueError("'shots' are those of 'gradient: parameter_shift' or 'finite_difference'")
        if self.difference != DIFFERENCE and self.gradient != "finite_difference":
            raise ValueError("'difference' is that of 'gradient: finite_difference'")
        return self

    @property
    def gradient_rule(self) -> GradientRule:
        """The rule by which gradients are computed."""
        return self.gradient

    @property
    def is_estimated(self) -> bool:
        """Whether gradients are estimated from evaluations of a circuit, which are counted."""
        return self.gradient in ("parameter_shift", "finite_difference")

    @property
    def n_steps(self) -> int:
        """Gradient steps."""
        return 1

    def step_size(self, epsilon: float) -> float:
        """The length of one step at this budget."""
        return epsilon

    def reach(self, epsilon: float) -> float:
        """The largest perturbation: steps × step size."""
        return self.n_steps * self.step_size(epsilon)

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        """Attack every input at every budget of the grid."""
        from qaml.attacks.gradient.descent import attack

        return attack(self, target, inputs, labels, seed, progress)


class FGSM(GradientAttack):
    """The fast gradient sign method, or one normalised step in L2 (Goodfellow et al. 2015, arXiv 1412.6572)."""

    kind: Literal["fgsm"] = "fgsm"


class IterativeAttack(GradientAttack):
    """Base of the attacks of several steps; by default they can reach 2.5 budgets (Madry et al. 2018)."""

    is_iterative: ClassVar[bool] = True

    steps: int = Field(10, ge=1, le=100_000)
    """Gradient steps."""
    step: Annotated[Epsilon, Field(gt=0)] | None = None
    """Length of a step in the dataset's units (default: by ``relative_step``)."""
    relative_step: Annotated[float, Field(gt=0)] | None = None
    """Length of a step as a share of the budget (default: 2.5 / steps)."""

    @model_validator(mode="after")
    def _one_step_size(self) -> Self:
        if self.step is not None and self.relative_step is not None:
            raise ValueError("expected 'step' or 'relative_step', got both")
        return self

    @property
    def n_steps(self) -> int:
        """Gradient steps."""
        return self.steps

    def step_size(self, epsilon: float) -> float:
        """The length of one step at this budget."""
        if self.step is not None:
            return self.step
        share = self.relative_step if self.relative_step is not None else 2.5 / self.steps
        return share * epsilon


class BIM(IterativeAttack):
    """The basic iterative method (Kurakin et al. 2017, arXiv 1607.02533)."""

    kind: Literal["bim"] = "bim"


class PGD(IterativeAttack):
    """Projected gradient descent from random starts (Madry et al. 2018, arXiv 1706.06083)."""

    kind: Literal["pgd"] = "pgd"
    steps: int = Field(40, ge=1, le=100_000)
    """Gradient steps."""
    restarts: int = Field(1, ge=1, le=1000)
    """Number of starts; an input counts as fooled if any start fools it."""
    random_start: bool = True
    """Whether to start at a random point of the ball rather than at the clean input."""

    @model_validator(mode="after")
    def _restarts_differ(self) -> Self:
        if self.restarts > 1 and not self.random_start:
            raise ValueError("restarts without 'random_start' repeat the same attack")
        return self


class MIM(IterativeAttack):
    """The momentum iterative method (Dong et al. 2018, arXiv 1710.06081)."""

    kind: Literal["mim"] = "mim"
    decay: float = Field(1.0, ge=0)
    """Share μ of the accumulated gradient that is kept (eq. 6)."""
