"""The interface of attacks: their configuration, their target, and the one result type of all attacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from qaml.registry import Part, Registry
from qaml.types import (
    LIMITS_SCHEMA,
    MOST_EXAMPLES,
    BoolArray,
    Bounds,
    DoubleArray,
    Epsilon,
    FloatArray,
    IntArray,
    Module,
    Tensor,
    as_tuple,
    check_limits,
)
from qaml.vocab import Answers, GradientRule, Norm

ATTACKS: Registry[AttackPart] = Registry(
    "attack",
    "qaml.attacks",
    {
        "fgsm": "qaml.attacks.gradient.part:FGSM",
        "bim": "qaml.attacks.gradient.part:BIM",
        "pgd": "qaml.attacks.gradient.part:PGD",
        "mim": "qaml.attacks.gradient.part:MIM",
        "deepfool": "qaml.attacks.minimisation.part:DeepFool",
        "carlini_wagner": "qaml.attacks.minimisation.part:CarliniWagner",
        "exact_l2": "qaml.attacks.exact_l2.part:ExactL2",
        "uniform_noise": "qaml.attacks.noise.part:UniformNoise",
        "hop_skip_jump": "qaml.attacks.minimisation.part:HopSkipJump",
        "boundary": "qaml.attacks.minimisation.part:Boundary",
        "square": "qaml.attacks.square.part:Square",
        "autoattack": "qaml.attacks.autoattack.part:AutoAttack",
        "transfer": "qaml.attacks.transfer:Transfer",
        "joint": "qaml.attacks.joint.part:Joint",
    },
)


MOST_BUDGETS = 200
"""Most budgets of one attack: each is a row of adversarials for every image."""


def _check_increasing(value: tuple[float, ...]) -> tuple[float, ...]:
    if not value:
        raise ValueError("expected at least one budget, got none")
    if len(value) > MOST_BUDGETS:
        raise ValueError(f"expected at most {MOST_BUDGETS} budgets, got {len(value):,}")
    for smaller, larger in pairwise(value):
        if not smaller < larger:
            raise ValueError(f"expected increasing budgets, got {larger:g} after {smaller:g}")
    return value


EpsilonGrid = Annotated[
    tuple[Epsilon, ...],
    BeforeValidator(as_tuple),
    AfterValidator(_check_increasing),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string"},
                {"type": "array", "items": {"type": ["number", "string"]}, "minItems": 1, "maxItems": MOST_BUDGETS},
            ]
        }
    ),
]
"""One budget or an increasing list of them."""


def _parse_box(value: object) -> object:
    """``none`` as a box without limits.

    Raises:
        ValueError: the value is no list, or null, which could mean either.
    """
    if value == "none":
        return (None, None)
    if not isinstance(value, list | tuple):
        got = "null" if value is None else repr(value)
        raise ValueError(f"expected 'none' or [low, high] with null for a side without a limit, got {got}")
    return tuple(value)


def _is_unset(value: object) -> bool:
    return value is None


Box = Annotated[
    Annotated[tuple[float | None, float | None], AfterValidator(check_limits)] | None,
    BeforeValidator(_parse_box),  # of the whole, so that null is refused: it could mean the bounds as well as no box
    WithJsonSchema({"anyOf": [{"const": "none"}, LIMITS_SCHEMA]}),
]
"""Limits of adversarials: ``none``, or ``[low, high]`` with ``null`` for a side without a limit."""


class Target(NamedTuple):
    """The attacker's view: the classifier on which gradients are computed, and the limits of its inputs.

    Under transfer this is the surrogate; the runner scores the adversarials on the real target.

    Attributes:
        module: the classifier.
        bounds: limits of every coordinate of adversarials: the inputs' bounds, or the attack's own box.
        n_classes: number of its classes.
        is_counted: whether the library's own count of successes is needed; training needs adversarials alone.
    """

    module: Module
    bounds: Bounds
    n_classes: int
    is_counted: bool = True


class LogitScale(NamedTuple):
    """The factor on logits where cross-entropy is maximised (``docs/attacks.md``).

    Attributes:
        gap: the median difference of the two largest logits, on clean inputs.
        factor: factor on the logits; one where the gap is neither too small nor too large.
    """

    gap: float
    factor: float


class AttackResult(NamedTuple):
    """The result of every attack; success is judged elsewhere, by predicting the adversarials again.

    Attributes:
        adversarials: (n_epsilons, n, *shape) float32: the attacker's answer at each budget, the clean input where
            it has none (a minimisation attack whose smallest perturbation exceeds the budget).
        claimed: (n_epsilons, n) bool, what the library itself counts as success; nothing where it is not asked.
        norms: (n,) float64, smallest perturbation found in the attack's norm, infinite without success; only for
            minimisation attacks.
        scale: scale of the logits, where cross-entropy was maximised.
        queries: (n_epsilons, n) int64, number of times that the attack asked the model about each input, or (1, n) for
            all budgets together; only for attacks that ask, or estimate gradients from evaluations of a circuit.
        spent: the shots of those circuits, of the same shape; only where they have a finite number.
    """

    adversarials: FloatArray
    claimed: BoolArray
    norms: DoubleArray | None = None
    scale: LogitScale | None = None
    queries: IntArray | None = None
    spent: IntArray | None = None


Progress = Callable[[float], None]
"""Called with the share done, 0 … 1."""


class AttackPart(Part, ABC):
    """The configuration of an attack: the part of the threat model that the attacker chooses."""

    epsilon: EpsilonGrid | None = None
    """Budgets in the attack's norm; only minimising attacks may omit them (and are unlimited then)."""

    images: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of first test images to attack, for attacks that take long (default: all that the suite evaluates)."""

    space: Literal["input", "state"] | None = None
    """Space of the perturbation: features of the dataset, or the amplitudes of its states. It follows from the dataset;
    where it is given, an attack in a space that the dataset does not have is refused."""

    box: Box = Field(None, exclude_if=_is_unset)  # unset it leaves keys as they were before there were boxes
    """Limits of adversarials (default: the bounds of the dataset): ``none``, for what can be perturbed without limits,
    or ``[low, high]`` in the dataset's units, with ``null`` for a side without a limit."""

    needs_images: ClassVar[bool] = False
    needs_exact: ClassVar[bool] = False
    """Whether the attack uses the model's exact distances, so that the model must have them."""
    is_iterative: ClassVar[bool] = False
    """Whether it takes more than one gradient step (an iterative attack must not be weaker than a one-step one)."""
    minimises: ClassVar[bool] = False
    """Whether it looks for the smallest perturbation rather than the worst within a budget."""
    is_search: ClassVar[bool] = True
    """Whether it looks for adversarials; random noise does not, and accuracy under it says nothing about robustness."""
    ignores_bounds: ClassVar[bool] = False
    """Whether its adversarials may leave the inputs' bounds."""

    @property
    def needs_gradients(self) -> bool:
        """Whether it differentiates the classifier."""
        return True

    @property
    def is_white_box(self) -> bool:
        """Whether it sees the model that it attacks."""
        return True

    @property
    def asks(self) -> Answers | None:
        """What a black-box attack asks the attacked model for; ``None`` for attacks that see it, or that do not ask it.

        The diagnostics hold such an attack against others that only ask.
        """
        return None

    @property
    def asks_device(self) -> bool:
        """Whether its questions go to the device that the model is measured on, and are paid in shots."""
        return False

    @property
    def gradient_rule(self) -> GradientRule:
        """The rule by which gradients are computed."""
        return "single_draw"

    @property
    def is_bound(self) -> bool:
        """Whether its norms are certified lower bounds rather than sizes of adversarials, of which it makes none."""
        return False

    @property
    @abstractmethod
    def threat_norm(self) -> Norm:
        """The norm of the budgets."""

    def box_within(self, bounds: Bounds) -> Bounds:
        """The limits that its adversarials keep to.

        Args:
            bounds: bounds of the attacked inputs, which are the box where the attack has none of its own.
        """
        return bounds if self.box is None else Bounds.between(self.box)

    @property
    def grid(self) -> tuple[float, ...]:
        """The budgets, increasing; a single infinity for an unlimited minimisation attack."""
        return self.epsilon if self.epsilon is not None else (float("inf"),)

    def reach(self, epsilon: float) -> float:
        """The largest perturbation in the attack's norm at this budget, steps × step size at most, for a finding."""
        return epsilon

    @abstractmethod
    def run(self, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
        """Attack every input at every budget of the grid, untargeted.

        Args:
            target: the classifier in evaluation mode; its parameters' ``.grad`` are left as they were.
            inputs: (n, *shape) float32, within ``target.bounds``.
            labels: (n,) int64, true labels.
            seed: seed of every random choice; torch's global generator is not changed.
            progress: called with the share done.
        """


class NormedAttack(AttackPart, ABC):
    """An attack whose budgets are in a norm that its settings name."""

    norm: Norm = "linf"
    """Norm of the budgets: ``linf`` or ``l2``."""

    @property
    def threat_norm(self) -> Norm:
        """The norm of the budgets."""
        return self.norm


ATTACKS.bind(AttackPart)
