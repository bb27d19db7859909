"""What a user of ``pennylane`` might have in a file of their own: circuits, and the usual mistakes."""

from typing import Any

import pennylane as qml
import torch
from torch import Tensor

WIRES = 3
SHAPES = {"weights": (1, WIRES, 3)}


def means(inputs: Tensor) -> Tensor:
    """Three means of the features: (…, n_features) → (…, 3)."""
    return torch.stack([part.mean(-1) for part in inputs.tensor_split(WIRES, -1)], -1)


def _reuploading(inputs: Tensor, weights: Tensor) -> None:
    for layer in weights:
        qml.AngleEmbedding(torch.pi * means(inputs), wires=range(WIRES))
        qml.StronglyEntanglingLayers(layer[None], wires=range(WIRES))


def _of(function: Any, device: Any = None, **options: Any) -> Any:
    return qml.QNode(function, device or qml.device("default.qubit", wires=WIRES), **options)


def angles(n_classes: int = 3) -> Any:
    """One expectation value for each class, or a single one for two."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        _reuploading(inputs, weights)
        return [qml.expval(qml.Z(wire)) for wire in range(n_classes if n_classes > 2 else 1)]

    return _of(circuit), SHAPES


def shares() -> Any:
    """Probabilities of two wires, of which three outcomes are classes; PennyLane's own layer."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        _reuploading(inputs, weights)
        return qml.probs(wires=[0, 1])

    return qml.qnn.TorchLayer(_of(circuit), SHAPES)


def amplitudes() -> Any:
    """Amplitudes of eight features."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        qml.AmplitudeEmbedding(inputs[..., 16:24], wires=range(WIRES), normalize=True)
        qml.StronglyEntanglingLayers(weights, wires=range(WIRES))
        return [qml.expval(qml.Z(wire)) for wire in range(WIRES)]

    return _of(circuit), SHAPES


def unbatched(mistake: str = "first") -> Any:
    """Written for one input: its first axis is that of the features."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        for wire in range(WIRES):
            if mistake == "first":
                qml.RX(inputs[wire], wires=wire)
            else:
                qml.RX(inputs.sum() + inputs[..., wire], wires=wire)
        qml.StronglyEntanglingLayers(weights, wires=range(WIRES))
        return [qml.expval(qml.Z(wire)) for wire in range(WIRES)]

    return _of(circuit), SHAPES


def shots(n: int = 100) -> Any:
    """Answers of some shots."""
    circuit, shapes = angles()
    return qml.set_shots(circuit, n), shapes


def deaf() -> Any:
    """It forgets its inputs."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        qml.StronglyEntanglingLayers(weights, wires=range(WIRES))
        qml.Identity(wires=inputs.shape[-1:][0] * 0)
        return [qml.expval(qml.Z(wire)) for wire in range(WIRES)]

    return _of(circuit), SHAPES


def detached() -> Any:
    """Its inputs have no gradient."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        _reuploading(inputs.detach(), weights)
        return [qml.expval(qml.Z(wire)) for wire in range(WIRES)]

    return _of(circuit), SHAPES


def sampled() -> Any:
    """States are no logits."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        _reuploading(inputs, weights)
        return qml.state()

    return _of(circuit), SHAPES


def unbounded() -> Any:
    """Its single value leaves [−1, 1]."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        _reuploading(inputs, weights)
        return qml.expval(50 * qml.Z(0))

    return _of(circuit), SHAPES


def estimated() -> Any:
    """Finite differences are no exact gradients."""
    circuit, shapes = angles()
    return circuit.update(diff_method="finite-diff"), shapes


def misnamed() -> Any:
    """PennyLane's layer calls them ``inputs``."""

    def circuit(x: Tensor, weights: Tensor) -> Any:
        _reuploading(x, weights)
        return [qml.expval(qml.Z(wire)) for wire in range(WIRES)]

    return _of(circuit), SHAPES


def module() -> Any:
    """A network around a circuit."""
    return torch.nn.Sequential(shares())
