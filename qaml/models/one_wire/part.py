"""The common configuration of circuits with one measured wire."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from qaml.errors import PartError
from qaml.models.base import History, Hooks, Training
from qaml.models.noise_layers.part import NoiseLayers
from qaml.models.published_part import PublishedPart
from qaml.quantum.channels import ChannelPart
from qaml.types import InputInfo, Module, Split
from qaml.vocab import GradientRule

MOST_WIRES = 10


class OneWirePart(PublishedPart, ABC):
    """Two classes with P(y) = (1 ± ⟨Z⟩)/2 of one wire, trained on −log P(y), with or without noise layers."""

    wires: int | None = Field(None, ge=1, le=MOST_WIRES)
    """Number of qubits (default: as few as hold the inputs)."""
    encoding: Literal["amplitude", "angle"] = "amplitude"
    """Encoding of the inputs: ``amplitude``: x/‖x‖ padded with zeros, also for states; ``angle``: RX(x_i) on wire i."""
    noise_layers: NoiseLayers | None = None
    """Random rotations in the circuit; none by default."""
    channels: tuple[ChannelPart, ...] = ()
    """Channels after every layer in training and ever after, such as depolarising noise as a defence (Du et al. 2021),
    averaged exactly; instead of noise layers. Those of ``inference: {noise: …}`` come on top."""
    training: Training = Training(lr=0.005, batch=64, epochs=100)
    """Settings of the training; the defaults are those of Huang & Zhang 2023."""

    is_circuit: ClassVar[bool] = True
    is_runnable: ClassVar[bool] = True
    is_sketched: ClassVar[bool] = True
    takes_states: ClassVar[bool] = True
    default_seeds: ClassVar[int] = 5

    @property
    def is_randomised(self) -> bool:
        """Whether noise layers draw at inference."""
        return self.noise_layers is not None and self.noise_layers.inference

    @property
    def has_channels(self) -> bool:
        """Whether there are ``channels``."""
        return bool(self.channels)

    @property
    def gradient_rules(self) -> frozenset[GradientRule]:
        """The gradient rules: differences of ⟨Z⟩, shifts where inputs are angles, the average with noise layers."""
        rules: set[GradientRule] = {"finite_difference"}
        if self.encoding == "angle":
            rules.add("parameter_shift")
        if self.noise_layers is not None:  # Gaussian rotations average to flips
            rules.add("exact")
        return frozenset(rules)

    def n_wires(self, info: InputInfo) -> int:
        """The wires of the circuit for these inputs."""
        return self.wires or self.fewest_wires(info)

    def fewest_wires(self, info: InputInfo) -> int:
        """The smallest number of wires that holds the inputs."""
        return info.n_features if self.encoding == "angle" else max((info.n_features - 1).bit_length(), 1)

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that the encoding cannot hold, and other than two classes."""
        if info.n_classes != 2:
            raise PartError(
                f"one measured wire tells two classes apart, the data has {info.n_classes}",
                "select two classes of the dataset",
            )
        if info.is_state and self.encoding == "angle":
            raise PartError("states are no angles", "leave 'encoding' at amplitude")
        if self.channels and self.noise_layers is not None:
            raise PartError(
                "noise layers draw, channels are averaged: a circuit is trained with one or the other",
                "add channels at inference, by 'inference: {noise: …}'",
            )
        wires, fewest = min(self.n_wires(info), MOST_WIRES), self.fewest_wires(info)
        if fewest > wires:
            how = f"{2**wires:,} amplitudes" if self.encoding == "amplitude" else f"{wires} angles"
            hint = f"give it {fewest} wires" if fewest <= MOST_WIRES else "downscale the inputs"
            raise PartError(f"inputs have {info.n_features:,} features, {wires} wires hold {how}", hint)
        self.check_weights(info)

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        """Train with −log P(y) of the draws; curves ``loss``, ``accuracy`` and the β of every noise layer."""
        from qaml.models.one_wire.network import OneWireClassifier

        assert isinstance(module, OneWireClassifier)
        with module.trained():
            return super().fit(module, data, info, hooks, seed)

    def at_inference(self, module: Module, noise_layers: bool | None) -> Module:
        """The circuit with its noise layers switched on or off."""
        from qaml.models.one_wire.network import OneWireClassifier

        assert isinstance(module, OneWireClassifier)
        if module.noise is not None and noise_layers is not None:
            module.noise.inference = noise_layers
        return module

    def noisy(self, module: Module, channels: Sequence[ChannelPart]) -> Module:
        """The trained circuit with these channels after every layer, its noise layers averaged, in float64."""
        from qaml.models.one_wire.network import OneWireClassifier

        assert isinstance(module, OneWireClassifier)
        return module.averaged(tuple(channels))
