"""The interface of defences: up to three changes, to the data, around the classifier, and of its training."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from qaml.models.base import Hooks
from qaml.registry import Part, Registry
from qaml.types import FloatArray, InputInfo, Module

if TYPE_CHECKING:
    from torch import Tensor, nn

DEFENCES: Registry[DefencePart] = Registry(
    "defence",
    "qaml.defences",
    {
        "adversarial_training": "qaml.defences.adversarial_training.part:AdversarialTraining",
        "combined_loss": "qaml.defences.combined_loss.part:CombinedLoss",
        "gaussian_augmentation": "qaml.defences.augmentation.part:GaussianAugmentation",
        "feature_squeezing": "qaml.defences.squeezing.part:FeatureSqueezing",
        "spatial_smoothing": "qaml.defences.smoothing.part:SpatialSmoothing",
        "random_resizing": "qaml.defences.resizing.part:RandomResizing",
    },
)

POSITIONS = ("data", "classifier")
"""Values of the field ``where`` of a defence."""

Craft = Callable[["nn.Module", "Tensor", "Tensor", int], "Tensor"]
"""Attack a module: (module, inputs, labels, seed) → adversarial inputs of the same shape. Made by the runner from the
attack that the defence names, at the largest budget of that attack's grid."""


class ForTraining(NamedTuple):
    """What the runner gives to the hooks of a defence.

    Attributes:
        seed: seed of every draw of the hooks.
        craft: the attack, for a defence that names one; it attacks the module behind the defences around it.
        undefended: the network trained without this defence, for a defence that ``needs_undefended``.
        info: the inputs' description, for a defence inside the classifier that training should see.
    """

    seed: int
    craft: Craft | None = None
    undefended: Module | None = None
    info: InputInfo | None = None


class DefencePart(Part, ABC):
    """A defence; each method changes nothing unless the defence overrides it.

    A data defence (``where: data``) changes training and test inputs before any attack, so the attack starts from the
    defended input (Kehoe et al. 2021, section 4). Inside the classifier (``where: classifier``) the attack goes through
    it; a step without a gradient passes it straight through (BPDA, Athalye et al. 2018). A defence without a field
    ``where`` takes effect where its methods change something; ``defends_data`` and ``is_inside`` cover both cases.
    """

    changes_training: ClassVar[bool] = False
    """Whether ``training_hooks`` changes what is trained on (then a model with fixed weights cannot have it)."""
    randomises: ClassVar[bool] = False
    """Whether the wrapped classifier draws at inference (then it has ``reseed(seed)``)."""

    @property
    def needs_undefended(self) -> bool:
        """Whether training needs a model trained without this defence (to attack it once)."""
        return False

    @property
    def follows_training(self) -> bool:
        """Whether its hooks attack the model as it trains, so that training must go in steps."""
        return False

    @property
    def _where(self) -> object:
        return getattr(self, "where", None)

    @property
    def defends_data(self) -> bool:
        """Whether inputs are changed before any attack: ``where`` says so, or there is a ``defend_inputs``."""
        where = self._where
        return where == "data" if where in POSITIONS else type(self).defend_inputs is not DefencePart.defend_inputs

    @property
    def is_inside(self) -> bool:
        """Whether attacks go through it: ``where`` says so, or there is a ``wrap``.

        Behind such a defence a model has no exact distances, averages or states any more.
        """
        where = self._where
        return where == "classifier" if where in POSITIONS else type(self).wrap is not DefencePart.wrap

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that this defence cannot take.

        Raises:
            PartError: the inputs do not fit; the message says why.
        """

    def defend_inputs(self, inputs: FloatArray, info: InputInfo) -> FloatArray:  # noqa: ARG002
        """The defended inputs, (n, *shape) within bounds."""
        return inputs

    def wrap(self, module: Module, info: InputInfo) -> Module:  # noqa: ARG002
        """The defended classifier."""
        return module

    def training_hooks(self, given: ForTraining) -> Hooks:  # noqa: ARG002
        """The hooks that change training.

        The module trained is the one inside: ``wrap`` comes after training.
        """
        return Hooks()


DEFENCES.bind(DefencePart)
