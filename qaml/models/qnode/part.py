"""Configuration of a QNode of PennyLane: the user's circuit, without writing a module around it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from qaml.models.factories import Arguments, Factory, resolve
from qaml.models.factory_part import FactoryPart
from qaml.types import InputInfo, Module


class PennyLane(FactoryPart):
    """A QNode that a user's function makes, trained and attacked with the device's best exact gradient.

    A spec is data and never runs code by itself: the Python module is imported only if the user who runs the suite
    names it in the environment variable ``QAML_TRUSTED_MODULES``.
    """

    kind: Literal["pennylane"] = "pennylane"
    factory: Factory
    """``module:callable``, called with ``arguments``, returns ``(qnode, weight_shapes)`` or a ``qml.qnn.TorchLayer``.
    The circuit takes ``inputs`` (batch, n_features) and its weights, and returns expectation values, one for each
    class (two classes need one only), or ``qml.probs``, whose first outcomes are the classes."""
    device: str | None = Field(None, min_length=1, exclude_if=lambda name: name is None)
    """Name of the PennyLane device that the circuit runs on, with as many wires; by default the factory's own."""
    device_options: Arguments = Field(default={}, exclude_if=lambda options: not options)
    """Keyword arguments of ``qml.device``, beside its name and wires."""
    diff_method: Literal["best", "backprop", "adjoint", "parameter-shift"] | None = Field(
        None, exclude_if=lambda method: method is None
    )
    """PennyLane's method of differentiation, an exact one; by default the QNode's own."""
    batched: bool = Field(True, exclude_if=bool)
    """Whether the circuit takes a batch of inputs at once; ``false`` runs it for one after another."""
    logit_scale: float = Field(1.0, gt=0)
    """Factor on the logits: expectation values, or the logarithms of probabilities. Cross-entropy of values in
    [−1, 1] trains slowly and never becomes confident."""

    @model_validator(mode="after")
    def _options_of_a_device(self) -> PennyLane:
        if self.device_options and self.device is None:
            raise ValueError("device_options are those of 'device', which names none")
        if "shots" in self.device_options or "wires" in self.device_options:
            raise ValueError("device_options hold neither shots nor wires: answers are exact, wires are the circuit's")
        return self

    def made(self, info: InputInfo) -> Module:
        """The user's circuit as a classifier behind ``models.edge``.

        Raises:
            PartError: the factory is not trusted, cannot be imported or called, or returns something other than a
                QNode with the shapes of its weights; the QNode measures with shots, or something that is no logit.
        """
        from qaml.models.qnode.network import made_by

        return made_by(resolve(self.factory, "a QNode"), self, info)

    def try_out(self, module: Module, info: InputInfo) -> None:
        """Refuse a circuit that fails, ignores its inputs, mixes those of a batch, or has no gradient in them.

        Raises:
            PartError: it does, at random points within the bounds.
        """
        from qaml.models.qnode.trial import try_out

        try_out(module, self, info)
