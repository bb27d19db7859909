"""Configuration of a quantum variational classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from qaml.errors import PartError
from qaml.models.published_part import Group, PublishedPart, Wanted
from qaml.quantum.channels import ChannelPart
from qaml.types import InputInfo, Module, Split
from qaml.vocab import GradientRule

MOST_WIRES = 12


class QVC(PublishedPart):
    """Amplitude encoding, layers of general rotations and CZ gates, expectation values of Z as logits.

    West et al. 2022, section S3: an image becomes the state Σ x_i|i⟩/‖x‖, padded with zeros; each layer is a rotation
    RZ(ω) RY(θ) RZ(φ) on every wire and an open chain of CZ; ⟨Z⟩ on the first wires are the logits, one a class. With
    10 wires and 200 layers these are 6,000 parameters (Table I).
    """

    takes_states: ClassVar[bool] = True

    kind: Literal["qvc"] = "qvc"
    layers: int = Field(200, ge=1, le=10_000)
    """Number of layers of the circuit; the paper has 200, 500 and 1000."""
    wires: int | None = Field(None, ge=1, le=MOST_WIRES)
    """Number of qubits (default: as few as hold the inputs and give every class a wire)."""
    logit_scale: float = Field(1.0, gt=0)
    """Factor on the expectation values. They lie in [−1, 1], so that cross-entropy of the raw values (the
    paper's, 1) trains slowly and never becomes confident."""

    is_circuit: ClassVar[bool] = True
    is_runnable: ClassVar[bool] = True
    has_counts: ClassVar[bool] = True
    has_exact_distances: ClassVar[bool] = True

    @property
    def gradient_rules(self) -> frozenset[GradientRule]:
        """The gradient rules: differences of values alone, as inputs are amplitudes, which no rule shifts."""
        return frozenset({"finite_difference"})

    def n_wires(self, info: InputInfo) -> int:
        """The wires of the circuit for these inputs."""
        return self.wires or max((info.n_features - 1).bit_length(), info.n_classes, 1)

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that the wires cannot hold, and more classes than wires."""
        wires = self.n_wires(info)
        if info.n_features > 2 ** min(wires, MOST_WIRES):
            held = f"{min(wires, MOST_WIRES)} wires encode at most {2 ** min(wires, MOST_WIRES):,}"
            room = (info.n_features - 1).bit_length()
            hint = f"give it {room} wires" if room <= MOST_WIRES else "downscale the inputs"
            raise PartError(f"inputs have {info.n_features:,} features, {held}", hint)
        if info.n_classes > min(wires, MOST_WIRES):
            raise PartError(
                f"{info.n_classes} classes need a wire each, got {min(wires, MOST_WIRES)}",
                "give it more wires (at most 12), or select fewer classes",
            )
        self.check_weights(info)

    def wanted(self, info: InputInfo) -> dict[Group, Wanted]:
        """The angles (φ, θ, ω) of every rotation, layer by layer and wire by wire."""
        return {"angles": Wanted.of_rotations(self.layers, self.n_wires(info))}

    def network(self, info: InputInfo) -> Module:
        """The untrained circuit, its angles uniform in [0, 2π)."""
        from qaml.models.qvc.network import VariationalClassifier

        return VariationalClassifier(info.n_features, info.n_classes, self.n_wires(info), self.layers, self.logit_scale)

    def check_data(self, module: Module, data: Split) -> None:  # noqa: ARG002  # noqa: ARG002
        """Refuse inputs that are all zero, and so no states.

        Raises:
            DataError: there are such.
        """
        from qaml.models.qvc.network import refuse_zero_inputs

        refuse_zero_inputs(data)

    def noisy(self, module: Module, channels: Sequence[ChannelPart]) -> Module:
        """The trained circuit with these channels after every layer, in the Heisenberg picture, float64."""
        from qaml.models.qvc.network import VariationalClassifier, noisy_classifier

        assert isinstance(module, VariationalClassifier)
        return noisy_classifier(module, channels)
