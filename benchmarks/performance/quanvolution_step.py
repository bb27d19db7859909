"""A training step of a quanvolution against PennyLane: 28×28 images, 2×2 patches side by side, batch 64, 4 wires.

The circuit is RY(πx) of every pixel, as in PennyLane's demonstration, and two layers of Rot and a ring of CNOTs whose
angles are trained; behind it is a linear layer of ten classes. PennyLane gets all 12,544 patches as one broadcasted
batch (``default.qubit``, backprop), faster than a call for each. A step is the forward pass and the gradients of
angles and weights; both sides run on one thread and in turns, after a warm-up; before anything is timed values and
gradients are compared.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pennylane as qml
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, unfold

from qaml.models.quanvolution.part import Quanvolution
from qaml.types import Bounds, InputInfo

BATCH, WIRES, LAYERS, TURNS = 64, 4, 2, 7
BAR = 8.0
FIELDS = {
    "kind": "quanvolution",
    "layers": [
        {"encode": "angle", "axis": "y", "scale": torch.pi},
        {"repeat": LAYERS, "block": [{"rot": "all"}, {"cnot": "ring"}]},
    ],
    "trained": True,
}


@qml.qnode(qml.device("default.qubit", wires=WIRES), interface="torch", diff_method="backprop")  # type: ignore[untyped-decorator]
def node(pixels: Tensor, angles: Tensor) -> list[Any]:
    """Patches (n, 4) → ⟨Z⟩ of each wire."""
    qml.AngleEmbedding(torch.pi * pixels, wires=range(WIRES), rotation="Y")
    for layer in angles.reshape(LAYERS, WIRES, 3):
        for wire in range(WIRES):
            qml.Rot(*layer[wire], wires=wire)
        for wire in range(WIRES):
            qml.CNOT([wire, (wire + 1) % WIRES])
    return [qml.expval(qml.PauliZ(wire)) for wire in range(WIRES)]


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def rows() -> list[dict[str, Any]]:
    """Measure it on one thread."""
    info = InputInfo((1, 28, 28), tuple("0123456789"), Bounds(0.0, 1.0))
    module: Any = Quanvolution.model_validate_json(json.dumps(FIELDS)).build(info, 0)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(BATCH, *info.shape, generator=generator)
    labels = torch.randint(10, (BATCH,), generator=generator)
    arrays = [module.patches.circuits[0].angles, module.classifier.output.weight]

    def theirs(inputs: Tensor) -> Tensor:
        pixels = unfold(inputs, 2, stride=2).transpose(1, 2).flatten(0, 1)
        values = torch.stack(node(pixels, arrays[0]), 1).float()
        maps = values.reshape(BATCH, -1, WIRES).transpose(1, 2)
        logits: Tensor = module.classifier(maps)
        return logits

    def step(model: Any) -> list[Tensor]:
        loss = cross_entropy(model(images), labels)
        return [loss.detach(), *torch.autograd.grad(loss, arrays)]

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for own, other in zip(step(module), step(theirs), strict=True):
            torch.testing.assert_close(own, other, rtol=0, atol=3e-5 * max(1.0, float(other.abs().max())))
        times = [(seconds(lambda: step(module)), seconds(lambda: step(theirs))) for _ in range(TURNS)][1:]
    finally:
        torch.set_num_threads(threads)
    own, peer = map(median, zip(*times, strict=True))
    name = f"quanvolution of {BATCH} images of 28×28, 2×2 patches, 4 wires: training step"
    row = {"name": name, "value": own, "unit": "s", "peer": f"default.qubit, backprop, broadcasted: {peer:.3g} s"}
    return [row | {"ratio": peer / own, "bar": BAR, "holds": peer / own >= BAR}]


if __name__ == "__main__":
    for each in rows():
        print(f"{each['name']}: {each['value']:.3g} {each['unit']}, {each['peer']}, ratio {each['ratio']:.3g}")
