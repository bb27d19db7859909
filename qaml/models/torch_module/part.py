"""Configuration of a plain torch module: the user's code and weights, without writing a package."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from qaml.errors import PartError
from qaml.models.capabilities import Capability
from qaml.models.factories import Factory, resolve
from qaml.models.factory_part import FactoryPart
from qaml.types import InputInfo, Module


def _is_false(value: bool) -> bool:
    return not value


class TorchModule(FactoryPart):
    """A ``torch.nn.Module`` that a user's function or class makes.

    A spec is data and never runs code by itself: the Python module is imported only if the user who runs the suite
    names it in the environment variable ``QAML_TRUSTED_MODULES``. Weights are read from safetensors, which holds arrays
    and nothing that could run.
    """

    kind: Literal["torch_module"] = "torch_module"
    factory: Factory
    """``module:callable``, called with ``arguments``, returns the module: (batch, …) in bounds → (batch, n_classes)."""
    layout: Literal["chw", "hwc"] = Field("chw", exclude_if=lambda layout: layout == "chw")
    """Order of the axes of images that the module takes: channels first, as datasets have it, or ``hwc``."""
    linear: bool = Field(False, exclude_if=_is_false)
    """Whether logits are affine in the inputs: distances are then exact. It is verified, not believed."""
    observables: bool = Field(False, exclude_if=_is_false)
    """Whether logits are s·xᵀO_kx/‖x‖², s > 0, and the module's method ``observables()`` returns the matrices
    (n_classes, n_features, n_features) of the flattened input: distances are then exact. It is verified, too."""

    @model_validator(mode="after")
    def _of_one_form(self) -> TorchModule:
        if self.linear and self.observables:
            raise ValueError("logits are either linear or given by observables, not both")
        return self

    @property
    def has_exact_distances(self) -> bool:
        """Whether a form of the logits is declared from which exact distances follow."""
        return self.linear or self.observables

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The declared form of the logits."""
        return frozenset({"affine_map"}) if self.linear else frozenset({"observables"} if self.observables else ())

    def check(self, info: InputInfo) -> None:
        """Refuse a layout of images for inputs that are none."""
        if self.layout == "hwc" and not info.is_image:
            raise PartError(
                f"'layout: hwc' needs images of shape (channels, height, width), got inputs of shape {info.shape}",
                "leave out 'layout'",
            )

    def made(self, info: InputInfo) -> Module:
        """The user's module behind ``models.edge``.

        Raises:
            PartError: the factory is not trusted, cannot be imported or called, or returns something other than a
                module, or one that lacks what is declared.
        """
        from qaml.models.torch_module.network import made_by

        return made_by(resolve(self.factory), self, info)

    def try_out(self, module: Module, info: InputInfo) -> None:
        """Refuse a module that does not map inputs within the bounds to logits, or to logits of another form.

        Raises:
            PartError: the module raises, its output has another shape, or the declared form does not hold.
        """
        from qaml.models.torch_module.network import try_out

        try_out(module, self, info)
