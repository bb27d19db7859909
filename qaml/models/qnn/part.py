"""Configuration of the layered quantum neural network."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qaml.errors import PartError
from qaml.models.one_wire.part import OneWirePart
from qaml.models.published_part import Group, Wanted
from qaml.quantum.circuit import Entangler
from qaml.types import InputInfo, Module


class QNN(OneWirePart):
    """Rotations and CNOTs, layer by layer, and one measured wire (Huang & Zhang 2023, figure 3a).

    Each layer is RZ(ω) RY(θ) RZ(φ) on every wire and CNOTs between neighbours. Noise layers act before or after every
    layer.
    """

    kind: Literal["qnn"] = "qnn"
    layers: int = Field(10, ge=1, le=1000)
    """Number P of layers; the paper has 10, and up to 40."""
    entangler: Entangler = "cnot_chain"
    """Entangler of every layer: CNOTs (0, 1), (1, 2), …, a ring of them, or CZs."""
    readout: int = Field(0, ge=0, le=9)
    """Number of the measured wire."""

    def fewest_wires(self, info: InputInfo) -> int:
        """The smallest number of wires that holds the inputs and includes the measured one."""
        return max(super().fewest_wires(info), self.readout + 1)

    def check(self, info: InputInfo) -> None:
        """Refuse a measured wire that does not exist, beside the base's checks."""
        if self.wires is not None and self.readout >= self.wires:
            raise PartError(f"wire {self.readout} is measured, the circuit has {self.wires}", "'readout' counts from 0")
        super().check(info)

    def wanted(self, info: InputInfo) -> dict[Group, Wanted]:
        """The angles (φ, θ, ω) of every rotation, layer by layer and wire by wire."""
        return {"angles": Wanted.of_rotations(self.layers, self.n_wires(info))}

    def network(self, info: InputInfo) -> Module:
        """The untrained circuit, with angles from torch's generator."""
        from qaml.models.qnn.network import QuantumNeuralNetwork

        return QuantumNeuralNetwork(
            self.n_wires(info),
            self.layers,
            self.encoding,
            self.entangler,
            self.readout,
            self.noise_layers,
            self.channels,
        )
