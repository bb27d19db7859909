"""An epoch of a user's QNode (4 wires, 3 re-uploading layers, 128 examples, batch 32) against a plain script.

The script is PennyLane's own: ``qml.qnn.TorchLayer``, Adam, cross-entropy. Ours is the training that a spec runs, with
its wrapper, its seeds, its checkpoints handed over, and its checks of every gradient.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

from qaml.models.base import Hooks, Training
from qaml.models.qnode.network import made_by
from qaml.models.qnode.part import PennyLane
from qaml.types import Bounds, InputInfo, Split

WIRES, LAYERS, EXAMPLES, BATCH = 4, 3, 128, 32
INFO = InputInfo((WIRES,), ("a", "b", "c"), Bounds(0.0, 3.2))
BAR = 1 / 1.15
ROUNDS = 9


def examples() -> Split:
    """Angles with labels; what they mean does not matter here."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0, 3.2, (EXAMPLES, WIRES)).astype(np.float32)
    return Split(inputs, rng.integers(3, size=EXAMPLES), np.arange(EXAMPLES))


def reuploading(device: str) -> tuple[Any, dict[str, tuple[int, ...]]]:
    """What a user's factory returns."""

    def circuit(inputs: Tensor, weights: Tensor) -> Any:
        for layer in weights:
            qml.AngleEmbedding(inputs, wires=range(WIRES))
            qml.StronglyEntanglingLayers(layer[None], wires=range(WIRES))
        return [qml.expval(qml.PauliZ(wire)) for wire in range(3)]

    return qml.QNode(circuit, qml.device(device, wires=WIRES)), {"weights": (LAYERS, WIRES, 3)}


def ours(device: str, data: Split) -> Callable[[], float]:
    """The seconds of an epoch, measured anew at each call."""
    part = PennyLane(
        factory="user:reuploading", arguments={"device": device}, training=Training(lr=0.01, batch=BATCH, epochs=1)
    )

    def epoch() -> float:
        module = made_by(reuploading, part, INFO)
        start = time.perf_counter()
        part.fit(module, data, INFO, Hooks(), 0)
        return time.perf_counter() - start

    return epoch


def script(device: str, data: Split) -> Callable[[], float]:
    """The same of the plain script."""
    inputs, labels = torch.from_numpy(data.inputs), torch.from_numpy(data.labels)

    def epoch() -> float:
        layer = qml.qnn.TorchLayer(*reuploading(device))
        optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
        start = time.perf_counter()
        for chosen in torch.randperm(EXAMPLES).reshape(-1, BATCH):
            optimiser.zero_grad()
            torch.autograd.backward(torch.nn.functional.cross_entropy(layer(inputs[chosen]), labels[chosen]))
            optimiser.step()
        return time.perf_counter() - start

    return epoch


def measured(device: str) -> dict[str, Any]:
    """Time an epoch of both in turn, for a machine's speed changes within seconds."""
    data = examples()
    calls = ours(device, data), script(device, data)
    pairs = [tuple(call() for call in calls) for _ in range(1 + ROUNDS)][1:]
    here, there = (median(side) for side in zip(*pairs, strict=True))
    ratio = median(peer / own for own, peer in pairs)
    return {
        "name": f"epoch of a user's QNode on {device}, {WIRES} wires, {LAYERS} layers, {EXAMPLES} examples",
        "value": here,
        "unit": "s",
        "peer": f"plain script with TorchLayer: {there:.3g} s",
        "ratio": ratio,
        "bar": BAR,
        "holds": ratio >= BAR,
    }


def rows() -> list[dict[str, Any]]:
    """Both devices, on one thread each, as in a step."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [measured(device) for device in ("default.qubit", "lightning.qubit")]
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} {row['unit']}, {row['peer']}, ratio {row['ratio']:.3g}")
