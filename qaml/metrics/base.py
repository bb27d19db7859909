"""The interface of metrics: unit, direction under a stronger attack, requirements, and the function that computes."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args

from qaml.errors import PartError
from qaml.registry import Part

if TYPE_CHECKING:
    from qaml.metrics.accuracy import Threat
    from qaml.metrics.contributions import Contributions
    from qaml.metrics.crossing import FallingShare
    from qaml.metrics.evidence import Attacked, Clean

    Measure = Contributions | FallingShare | tuple[float, ...]

Unit = Literal["share", "norm", "number"]
"""A share of images, shown in per cent; a length in the attack's norm; any other number."""
Direction = Literal["falls", "rises", "neither", "void"]
"""What a stronger attack does to the value. ``void``: what a weak attack yields says nothing of what a strong one does.
``neither``: no attack enters, or a proof that no attack can change."""
Attacks = Literal["none", "optional", "one", "several"]
"""How many attacks a cell of this metric takes."""
Budget = Literal["none", "optional", "needed", "radius", "found", "every"]
"""The epsilon of a cell. ``none``: there is no attack. ``optional``: of an attack that has budgets. ``needed``: of an
attack that must have budgets. ``radius``: any number, whether the attack was run at it or not. ``found``: a cell names
none, as the attack looks for the smallest perturbation. ``every``: a cell names none, as all budgets of the attack
enter."""
Basis = Literal["answers", "adversarials", "norms", "distances"]
"""Evidence of an attack that a metric reads: whether the answers to its adversarials are right, so that each further
adversarial that is found moves the value by one image; properties of the adversarials themselves; the smallest norms
that a minimising attack found; exact distances."""
Need = Literal["images", "circuit", "measured_wire", "noise_layers", "exact_decision", "inspected_samples", "bare"]
"""What a model must offer. ``measured_wire``: one measured wire, so that its states are known. ``bare``: no defence
between the inputs and the model. ``spec.pairs`` checks each of them."""

_DECLARED: Mapping[str, Any] = {
    "unit": Unit,
    "direction": Direction,
    "attacks": Attacks,
    "budget": Budget,
    "basis": Basis,
}


class Evidence(Protocol):
    """What the function of a metric may ask for, by the names of its parameters: the evidence of one cell."""

    @property
    def clean(self) -> Clean:
        """The cell's model on clean test images."""

    @property
    def attacks(self) -> Sequence[Attacked]:
        """The model under each of the cell's attacks."""

    @property
    def threats(self) -> Sequence[Threat]:
        """The same, each with the budget up to which it counts."""

    @property
    def attacked(self) -> Attacked:
        """The model under the cell's only attack."""

    @property
    def seen(self) -> Clean | Attacked:
        """The model under the cell's only attack, or on clean images where the cell names no attack."""

    @property
    def epsilon(self) -> float | None:
        """The budget of the cell's first attack; None without an attack."""

    @property
    def radius(self) -> float:
        """The cell's epsilon, whether the attack was run at it or not."""

    @property
    def quantile(self) -> float:
        """The cell's field of this name, between 0 and 1."""

    @property
    def level(self) -> float:
        """The cell's field of this name, between 0 and 1."""

    @property
    def history(self) -> Sequence[Mapping[str, Sequence[float]]]:
        """The training curves of each seed: name → one value an epoch."""

    @property
    def inspections(self) -> Sequence[Mapping[str, Any]]:
        """The results of inspecting the model's samples, one mapping a seed."""


PARAMETERS = tuple(name for name in vars(Evidence) if not name.startswith("_"))


class MetricPart(Part, ABC):
    """The declaration of a metric: class variables, and a docstring whose first sentence the glossary shows.

    ``function`` is computed from evidence only where a claim asks for it, so a module with declarations imports nothing
    heavy. It returns ``Contributions`` (a number for each seed and image, in [0, 1]), a ``FallingShare`` (where a share
    of images crosses a level), or one number a seed.
    """

    unit: ClassVar[Unit]
    direction: ClassVar[Direction]
    attacks: ClassVar[Attacks] = "none"
    budget: ClassVar[Budget] = "none"
    basis: ClassVar[Basis] = "answers"
    needs: ClassVar[tuple[Need, ...]] = ()
    function: ClassVar[str]
    """The function as ``module:name``; its parameters are named after attributes of ``Evidence``."""
    is_of_training: ClassVar[bool] = False
    """Whether it is one number a training run, without an image."""
    is_of_clean_correct: ClassVar[bool] = False
    """Whether it is a share of the images classified correctly without an attack, rather than of all."""
    is_accuracy: ClassVar[bool] = False
    """An accuracy, clean or attacked: a paper's value of one is shown beside ours of another, on the same axis."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a metric that does not say what the judge must know.

        Raises:
            PartError: a declaration is missing, unknown, or does not go with another one.
        """
        super().__pydantic_init_subclass__(**kwargs)
        name = f"{cls.__module__}.{cls.__name__}"
        declared = {each for base in cls.__mro__ for each in vars(base)}
        for variable in ("unit", "direction", "function"):
            if variable not in declared:
                meant = ", ".join(map(repr, get_args(_DECLARED.get(variable)))) or "'module:name'"
                raise PartError(f"metric {name} declares no {variable}", f"{variable} = one of {meant}")
        for variable, words in _DECLARED.items():
            if (value := getattr(cls, variable)) not in get_args(words):
                known = ", ".join(get_args(words))
                raise PartError(f"metric {name}: {variable} is {value!r}", f"expected one of {known}")
        if set(cls.needs) - set(get_args(Need)):
            raise PartError(f"metric {name} needs {cls.needs!r}", f"a tuple of {', '.join(get_args(Need))}")
        if set(cls.model_fields) != {"kind"}:
            raise PartError(f"metric {name} has fields of its own", "a metric is named in a cell, and takes no fields")
        for is_wrong, message in cls._contradictions():
            if is_wrong:
                raise PartError(f"metric {name}: {message}")

    @classmethod
    def _contradictions(cls) -> tuple[tuple[bool, str], ...]:
        is_moved = cls.direction in ("falls", "rises")
        has_attack = cls.attacks != "none"
        return (
            (has_attack == (cls.budget == "none"), "a metric has a budget if, and only if, it takes an attack"),
            (not has_attack and cls.direction != "neither", "no attack enters, so its direction is 'neither'"),
            (has_attack and cls.is_of_training, "a metric of a training run takes no attack"),
            (
                is_moved and cls.basis not in ("answers", "norms"),
                "a value that falls or rises is held against stronger attacks by their answers or norms only: "
                "the basis is one of these, or the direction is 'void'",
            ),
        )

    @property
    def finds_epsilon(self) -> bool:
        """Whether the value is itself a budget, so that a cell names none."""
        return self.budget in ("found", "every")

    @property
    def source_modules(self) -> tuple[str, ...]:
        """The module of the function."""
        return (self.function.partition(":")[0],)

    def measure(self, evidence: Evidence) -> Measure:
        """Call the function with the evidence that its parameters name.

        Raises:
            ValueError: the evidence does not hold what the metric needs.
        """
        module, _, name = self.function.partition(":")
        function = getattr(import_module(module), name)
        measured: Measure = function(**{each: getattr(evidence, each) for each in signature(function).parameters})
        return measured
