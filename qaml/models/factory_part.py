"""The common configuration of what a user's function makes: its code, weights and training."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from qaml.models.base import History, Hooks, Training
from qaml.models.factories import Arguments, Factory, resolve, trusted
from qaml.models.network_part import NetworkPart
from qaml.models.weights_part import Weights, verified
from qaml.types import InputInfo, Module, Split


def _refusal(message: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError("weights", "{message}", {"message": message, "hint": hint})


class NoTraining(Training):
    """``training: none``: the module is used as its factory made it."""

    epochs: int = Field(0, ge=0, le=0)
    """No pass over the training data."""

    @model_serializer
    def _as_written(self) -> str:
        return "none"


class _TrainingOrNone:
    """Describes the field to editors: settings, or the word ``none``."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"const": "none"}]}


def _none(value: object) -> object:
    if isinstance(value, str) and value != "none":
        raise _refusal(f"expected settings or the word none, got {value!r}", "")
    return NoTraining() if value == "none" else value


class FactoryPart(NetworkPart, ABC):
    """A classifier that a user's function or class makes.

    A spec is data and never runs code by itself: the Python module is imported only if the user who runs the suite
    names it in the environment variable ``QAML_TRUSTED_MODULES``. Weights are read from safetensors, which holds arrays
    and nothing that could run.
    """

    takes_states: ClassVar[bool] = True

    factory: Factory
    """``module:callable``, called with ``arguments``, returns the classifier."""
    arguments: Arguments = Field(default={})
    """Keyword arguments of the factory: numbers, texts, lists and mappings."""
    reads: tuple[str, ...] = Field((), exclude=True)  # the key holds their content; no draw depends on their names
    """Files and folders that the module reads, and environment variables as ``env:NAME``: results depend on their
    content. Imports, variables and files that are opened by constant names are noticed without it."""
    weights: Weights | None = None
    """Trained weights; without them the module is trained from its factory's initial ones."""
    fine_tune: bool = False
    """Whether to train on from ``weights``; otherwise they are used unchanged."""
    training: Annotated[Training, BeforeValidator(_none), _TrainingOrNone] = Training()
    """Settings of the training; ``none`` for a module that is used as its factory makes it, or cannot be trained."""
    gradients: bool = Field(True, exclude_if=bool)
    """Whether logits are differentiable in the inputs; ``false`` refuses attacks that need gradients."""

    @model_validator(mode="after")
    def _tunes_what_it_brings(self) -> FactoryPart:
        if self.fine_tune and self.weights is None:
            raise ValueError("fine_tune needs weights to start from")
        if self.fine_tune and isinstance(self.training, NoTraining):
            raise ValueError("fine_tune trains, and 'training: none' does not")
        return self

    @property
    def has_gradients(self) -> bool:
        """The declaration in ``gradients``."""
        return self.gradients

    @property
    def is_trained(self) -> bool:
        """Whether the weights are used unchanged, so that ``fit`` changes nothing."""
        return isinstance(self.training, NoTraining) or (self.weights is not None and not self.fine_tune)

    @property
    def source_modules(self) -> tuple[str, ...]:
        """The Python modules whose changes make trained results stale, beside this part's own.

        Raises:
            PartError: they are not trusted, so that their source may not be read either.
        """
        return (trusted(self.factory),)

    @property
    def runs_foreign_code(self) -> bool:
        """Always true: the factory is the user's."""
        return True

    @property
    def what_it_reads(self) -> tuple[str, ...]:
        """The files, folders and variables that the part declares."""
        return self.reads

    def find_code(self) -> None:
        """Import the factory's module, if it is trusted, and look the factory up."""
        resolve(self.factory)

    @abstractmethod
    def made(self, info: InputInfo) -> Module:
        """What the factory makes, behind ``models.edge``, not yet tried out; initial weights from torch's generator.

        Raises:
            PartError: the factory is not trusted, cannot be imported or called, or returns something else.
        """

    @abstractmethod
    def try_out(self, module: Module, info: InputInfo) -> None:
        """Refuse a module that does not do what a classifier of these inputs must.

        Raises:
            PartError: it does not, at points within the bounds.
        """

    def build(self, info: InputInfo, seed: int) -> Module:
        """The user's classifier with the user's weights behind ``models.edge``, tried out at random points.

        Raises:
            PartError: it cannot be made, the weights are missing, changed or do not fit, or it is no such classifier.
        """
        from qaml.models.seeding import seeded
        from qaml.models.weights import load_weights

        with seeded(seed):
            module = self.made(info)
            if self.weights is not None:
                load_weights(module, verified(self.weights))
            self.try_out(module, info)
        return module

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        """Train with cross-entropy; do nothing for weights that are used unchanged.

        Warns:
            UserWarning: no weight can be trained, so that training only goes through the motions.
        """
        if self.is_trained:
            module.eval()
            return {}
        if not any(parameter.requires_grad for parameter in module.parameters()):
            warnings.warn(
                f"the module of {self.factory!r} has no weights to train and is used as it was made: "
                "'training: none' says so, and saves the time",
                stacklevel=2,
            )
        return super().fit(module, data, info, hooks, seed)
