"""Small circuits with one measured wire, in double precision."""

from __future__ import annotations

import torch
from torch import Tensor

from qaml.models.noise_layers.part import NoiseLayers
from qaml.models.one_wire.network import Encoding, OneWireClassifier
from qaml.models.qcnn.network import QuantumConvolutionalNetwork
from qaml.models.qnn.network import QuantumNeuralNetwork
from qaml.quantum.circuit import Entangler

ENTANGLERS: tuple[Entangler, ...] = ("cnot_chain", "cnot_ring", "cz_chain")


def qnn(n_wires: int, n_layers: int, seed: int, noise: NoiseLayers | None = None) -> OneWireClassifier:
    """A layered circuit; encoding, entangler and measured wire follow from the seed."""
    torch.manual_seed(seed)
    encoding: Encoding = "angle" if seed % 2 else "amplitude"
    entangler = ENTANGLERS[seed // 2 % 3]
    return QuantumNeuralNetwork(n_wires, n_layers, encoding, entangler, seed % n_wires, noise).double()


def qcnn(n_wires: int, seed: int, noise: NoiseLayers | None = None) -> OneWireClassifier:
    """A convolutional circuit; the encoding follows from the seed."""
    torch.manual_seed(seed)
    return QuantumConvolutionalNetwork(n_wires, "angle" if seed % 2 else "amplitude", noise).double()


def inputs_of(module: OneWireClassifier, batch: int, seed: int) -> Tensor:
    """Features or angles that fit."""
    n = module.n_wires if module.encoding == "angle" else 2**module.n_wires
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, n, dtype=torch.float64, generator=generator)
