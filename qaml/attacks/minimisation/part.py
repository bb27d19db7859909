"""Attacks that look for the smallest perturbation, by gradients or by decisions alone: their fields."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qaml.attacks.asking import Asking
from qaml.attacks.base import AttackResult, NormedAttack, Progress, Target
from qaml.types import Tensor
from qaml.vocab import Answers, Norm


class MinimisationAttack(NormedAttack):
    """Base of the minimising attacks; without ``epsilon`` the perturbation is unlimited."""

    minimises: ClassVar[bool] = True
    is_iterative: ClassVar[bool] = True

    norm: Norm = "l2"
    """The norm that is minimised."""
    eot: int = Field(1, ge=1, le=10_000)
    """Number of forward passes over which logits are averaged, for randomised models (Athalye et al. 2018)."""

    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        """Look for the smallest perturbation of every input, then apply it where it is within the budget."""
        from qaml.attacks.minimisation.smallest import attack

        return attack(self, target, inputs, labels, seed, progress)


class DeepFool(MinimisationAttack):
    """DeepFool: steps to the nearest boundary of the linearised classifier (Moosavi-Dezfooli et al. 2016).

    arXiv 1511.04599.
    """

    kind: Literal["deepfool"] = "deepfool"
    steps: int = Field(50, ge=1, le=100_000)
    """Largest number of linearisations."""
    candidates: int = Field(10, ge=2, le=100_000)
    """Number of most likely classes that are considered."""
    overshoot: float = Field(0.02, ge=0)
    """Overshoot beyond the boundary, as a share of the perturbation."""


class CarliniWagner(MinimisationAttack):
    """The L2 attack of Carlini & Wagner 2017 (arXiv 1608.04644, section VI).

    The nearest adversarial met is kept, and moved towards the clean input by bisection (``docs/attacks.md``).
    """

    kind: Literal["carlini_wagner"] = "carlini_wagner"
    norm: Literal["l2"] = "l2"
    """The norm that is minimised."""
    variables: Literal["box", "tanh"] = "box"
    """How inputs keep to their bounds: steps are clipped to the ``box``, and each of the nearest rivals is aimed at; or
    the paper's change of variables, foolbox's attack as it is, which stalls where pixels are at a bound."""
    steps: int = Field(150, ge=1, le=100_000)
    """Number of Adam steps for every constant, divided among the rivals."""
    binary_search_steps: int = Field(9, ge=1, le=30)
    """Constants tried; with fewer than 9, c ends too small to find an adversarial or far too large: cut ``steps``."""
    rivals: int = Field(3, ge=1, le=1000)
    """Classes aimed at, those of the nearest linearised boundaries, at most one for 40 steps; with ``tanh`` whichever
    is ahead."""
    confidence: float = Field(0.0, ge=0)
    """Margin κ of the logits that an adversarial must have."""
    step: Annotated[float, Field(gt=0)] | None = None
    """Adam's step: as a share of half the bounds' width (of the inputs' range where a side is open), decaying, 0.06 by
    default; in tanh space 0.01."""
    initial_constant: float = Field(1e-3, gt=0)
    """c, the weight of misclassification against distance, at the start; of logits at a healthy scale."""
    abort_early: bool = True
    """With ``tanh``: whether to leave a constant when the batch makes no more progress."""

    @property
    def step_size(self) -> float:
        """Adam's step in the space that ``variables`` selects."""
        if self.step is not None:
            return self.step
        return 0.06 if self.variables == "box" else 0.01


class DecisionAttack(MinimisationAttack, Asking):
    """Base of the attacks that ask a model for its class and nothing else, of any model: without gradients, too.

    They start from the nearest other image of the batch that the model answers otherwise, and from noise where there
    is none; where noise fools nothing either the norm is infinite.
    """

    needs_gradients: ClassVar[bool] = False
    is_white_box: ClassVar[bool] = False

    queries: int = Field(5000, ge=1, le=10_000_000)
    """Number of times that the model may be asked about each image."""

    @property
    def asks(self) -> Answers:
        """Decisions alone."""
        return "decisions"

    @property
    def most_asked(self) -> int:
        """Every query, and the clean image and the adversarial to begin and to count successes."""
        return (self.queries + 4) * self.eot


class HopSkipJump(DecisionAttack):
    """HopSkipJump: the boundary's normal is estimated from decisions around a point on it (Chen et al. 2020).

    arXiv 1904.02144, algorithm 2.
    """

    kind: Literal["hop_skip_jump"] = "hop_skip_jump"
    evaluations: int = Field(100, ge=2, le=100_000)
    """Decisions asked for the first estimate B₀; the t-th takes √t times as many."""


class Boundary(DecisionAttack):
    """The boundary attack: a random walk along the boundary, towards the clean input (Brendel et al. 2018).

    arXiv 1712.04248; as implemented in foolbox.
    """

    kind: Literal["boundary"] = "boundary"
    norm: Literal["l2"] = "l2"
    """The norm that is minimised."""
    spherical_step: float = Field(0.01, gt=0, le=1)
    """First length of steps along the sphere around the clean input, as a share of the distance."""
    source_step: float = Field(0.01, gt=0, lt=1)
    """First length of steps towards the clean input, as a share of the distance."""
