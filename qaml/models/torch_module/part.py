"""Configuration of a plain torch module: the user's code and weights, without writing a package."""

from __future__ import annotations

import warnings
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from qaml.errors import PartError
from qaml.files.regular import as_written, read_declared
from qaml.models.base import History, Hooks, Training
from qaml.models.capabilities import Capability
from qaml.models.factories import Arguments, Factory, resolve, trusted
from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module, Settings, Split

OTHER_FORMATS = frozenset({".pt", ".pth", ".bin", ".ckpt", ".npz"})
"""Endings of files of weights that ``qaml weights convert`` reads."""
MOST_BYTES = 8 << 30
"""Largest size of a file of weights, in bytes."""


class Weights(Settings):
    """Trained weights in a user's file."""

    path: str = Field(min_length=1)
    """Path of a safetensors file with the module's state dictionary; relative paths start at the current directory."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Checksum of the file: results depend on the file's content, not on its name."""

    @model_validator(mode="before")
    @classmethod
    def _convert_first(cls, value: Any) -> Any:
        """Say how to convert files of other formats, before a missing checksum is noticed."""
        path = value.get("path") if isinstance(value, dict) else value
        if not isinstance(path, str):
            return value
        name = PurePath(path)
        if name.suffix.lower() in OTHER_FORMATS:
            hint = (
                f"'qaml weights convert {path} {name.with_suffix('.safetensors')}' makes one, runs none of its code "
                "and prints the lines for the spec"
            )
            raise PydanticCustomError(
                "weights", "expected a safetensors file, got {path}", {"path": repr(path), "hint": hint}
            )
        if path is value:
            hint = f"write {{path: {path}, sha256: …}}; 'sha256sum {path}' prints the checksum"
            raise PydanticCustomError(
                "weights", "expected a mapping with path and sha256, got {path}", {"path": repr(path), "hint": hint}
            )
        return value


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


def _is_false(value: bool) -> bool:
    return not value


def _none(value: object) -> object:
    if isinstance(value, str) and value != "none":
        raise _refusal(f"expected settings or the word none, got {value!r}", "")
    return NoTraining() if value == "none" else value


class TorchModule(NetworkPart):
    """A ``torch.nn.Module`` that a user's function or class makes.

    A spec is data and never runs code by itself: the Python module is imported only if the user who runs the suite
    names it in the environment variable ``QAML_TRUSTED_MODULES``. Weights are read from safetensors, which holds arrays
    and nothing that could run.
    """

    takes_states: ClassVar[bool] = True

    kind: Literal["torch_module"] = "torch_module"
    factory: Factory
    """``module:callable``, called with ``arguments``, returns the module: (batch, …) in bounds → (batch, n_classes)."""
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
    layout: Literal["chw", "hwc"] = Field("chw", exclude_if=lambda layout: layout == "chw")
    """Order of the axes of images that the module takes: channels first, as datasets have it, or ``hwc``."""
    linear: bool = Field(False, exclude_if=_is_false)
    """Whether logits are affine in the inputs: distances are then exact. It is verified, not believed."""
    observables: bool = Field(False, exclude_if=_is_false)
    """Whether logits are s·xᵀO_kx/‖x‖², s > 0, and the module's method ``observables()`` returns the matrices
    (n_classes, n_features, n_features) of the flattened input: distances are then exact. It is verified, too."""

    @model_validator(mode="after")
    def _consistent(self) -> TorchModule:
        if self.fine_tune and self.weights is None:
            raise ValueError("fine_tune needs weights to start from")
        if self.fine_tune and isinstance(self.training, NoTraining):
            raise ValueError("fine_tune trains, and 'training: none' does not")
        if self.linear and self.observables:
            raise ValueError("logits are either linear or given by observables, not both")
        return self

    @property
    def has_gradients(self) -> bool:
        """The declaration in ``gradients``."""
        return self.gradients

    @property
    def has_exact_distances(self) -> bool:
        """Whether a form of the logits is declared from which exact distances follow."""
        return self.linear or self.observables

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The declared form of the logits."""
        return frozenset({"affine_map"}) if self.linear else frozenset({"observables"} if self.observables else ())

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
        """Always true: the factory and the module are the user's."""
        return True

    @property
    def what_it_reads(self) -> tuple[str, ...]:
        """The files, folders and variables that the part declares."""
        return self.reads

    def find_code(self) -> None:
        """Import the factory's module, if it is trusted, and look the factory up."""
        resolve(self.factory)

    def check(self, info: InputInfo) -> None:
        """Refuse a layout of images for inputs that are none."""
        if self.layout == "hwc" and not info.is_image:
            raise PartError(
                f"'layout: hwc' needs images of shape (channels, height, width), got inputs of shape {info.shape}",
                "leave out 'layout'",
            )

    def build(self, info: InputInfo, seed: int) -> Module:
        """The user's module with the user's weights behind ``models.edge``, tried out at random points.

        Raises:
            PartError: the factory is not trusted, cannot be imported or called, returns something else than a module
                with these inputs and classes, the weights are missing, changed or do not fit, or the form that is
                declared of the logits does not hold.
        """
        from qaml.models.seeding import seeded
        from qaml.models.torch_module.network import load_weights, made_by, try_out

        factory = resolve(self.factory)
        with seeded(seed):
            module = made_by(factory, self, info)
            if self.weights is not None:
                load_weights(module, verified(self.weights))
            try_out(module, self, info)
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


def verified(weights: Weights) -> bytes:
    """The content of the weights' file.

    Raises:
        PartError: the file cannot be read or differs from its declaration.
    """
    path = as_written(weights.path)
    try:
        content = read_declared(path, weights.sha256, MOST_BYTES)
    except OSError as error:
        raise PartError(
            f"cannot read weights {weights.path!r}: {error.strerror or error}", f"expected a file at {path.absolute()}"
        ) from error
    if content is None:
        # the checksum stays secret: the spec may name any file of the user who runs it
        raise PartError(
            f"weights {weights.path!r} are not the file that was named: expected SHA-256 {weights.sha256}",
            "if the file is the one you mean, write its checksum ('sha256sum') into the spec",
        )
    return content
