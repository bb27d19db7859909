"""Configuration of the quantum convolutional network."""

from __future__ import annotations

from typing import Literal

from qaml.models.one_wire.part import OneWirePart
from qaml.models.published_part import Group, Wanted
from qaml.types import InputInfo, Module

ANGLES = 17
"""Number of angles of a stage: 15 of the convolution and 2 of the pooling."""


class QCNN(OneWirePart):
    """Convolutions and poolings until one wire is left (Cong et al. 2019; Huang & Zhang 2023, figure 3b).

    A stage applies one general two-wire unitary (15 angles) to all neighbouring pairs, even pairs before odd ones, and
    then rotates every second wire depending on its neighbour (2 angles), after which the neighbours are left alone.
    8 wires have three stages and 51 angles. Noise layers act before each convolution, on the wires still active.
    """

    kind: Literal["qcnn"] = "qcnn"

    def fewest_wires(self, info: InputInfo) -> int:
        """The smallest number of wires that holds the inputs, at least two for a convolution."""
        return max(super().fewest_wires(info), 2)

    def wanted(self, info: InputInfo) -> dict[Group, Wanted]:
        """The angles of every stage: four rotations, XX, YY and ZZ, and both of the pooling."""
        n_stages = (self.n_wires(info) - 1).bit_length()
        firsts = tuple(stage * ANGLES + first for stage in range(n_stages) for first in (0, 3, 6, 9))
        return {"angles": Wanted.of_shape((n_stages, ANGLES), firsts)}

    def network(self, info: InputInfo) -> Module:
        """The untrained circuit, with angles from torch's generator."""
        from qaml.models.qcnn.network import QuantumConvolutionalNetwork

        return QuantumConvolutionalNetwork(self.n_wires(info), self.encoding, self.noise_layers, self.channels)
