"""Training steps of circuits outside the layered family, against PennyLane and our own torch path.

*Re-uploading*: 8 wires, 32 layers of Rot on every wire and a ring of CNOTs, every angle w·x + b of a feature of its
own, batch 64. *Shared angles*: 10 wires, 100 such layers behind amplitude encoding of 256 images of 28 × 28, angles
shared by the batch. A step is the forward pass and all gradients; every side runs on one thread and in turns, after a
warm-up; the ratio is that of the medians, and before anything is timed values and gradients are compared.

PennyLane (``default.qubit``, backprop) needs some 15 GB for 100 layers and 256 images, so there it runs 64 images
through 20 layers, and both are extrapolated linearly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeAlias

import pennylane as qml
import torch
from torch import Tensor

from qaml.quantum.circuit import Angle, Circuit, Gate, Source, entangling_gates, layered
from qaml.quantum.statevector import network as statevector
from qaml.quantum.vector import network as vector

PENNYLANE_BAR, TORCH_BAR, SHARED_BAR = 40.0, 8.0, 60.0
FEW_LAYERS, PART = 20, 64

Step: TypeAlias = Callable[[Callable[..., Tensor]], tuple[Tensor, ...]]
"""Values and gradients by a function of a circuit, its weights and its inputs."""


def uploading(n_wires: int, n_layers: int) -> Circuit:
    """Rot of features of their own on every wire, and a ring of CNOTs."""
    source: Source = "feature"
    angles = [tuple(Angle(source, 3 * place + i) for i in range(3)) for place in range(n_layers * n_wires)]
    operations: list[Gate] = []
    for layer in range(n_layers):
        operations += [Gate("rot", (wire,), angles[layer * n_wires + wire]) for wire in range(n_wires)]
        operations += entangling_gates("cnot_ring", n_wires)
    return Circuit(n_wires, "zero", tuple(operations), tuple(range(n_wires)))


def uploading_step(circuit: Circuit, batch: int) -> Step:
    """Features, weights and biases are drawn once; gradients of weights and biases."""
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(batch, circuit.n_features, generator=generator)
    drawn = [2 * torch.pi * torch.rand(circuit.n_features, generator=generator) for _ in range(2)]

    def step(model: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        weights, biases = (array.clone().requires_grad_() for array in drawn)
        values = model(circuit, torch.zeros(0), weights * features + biases)
        return values.detach(), *torch.autograd.grad(values.square().sum(), (weights, biases))

    return step


def shared_step(circuit: Circuit, batch: int) -> Step:
    """Images and weights are drawn once; gradients of both."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(batch, 28 * 28, generator=generator)
    drawn = 2 * torch.pi * torch.rand(circuit.n_weights, generator=generator)

    def step(model: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        weights, inputs = drawn.clone().requires_grad_(), images.clone().requires_grad_()
        values = model(circuit, weights, inputs)
        return values.detach(), *torch.autograd.grad(values.square().sum(), (weights, inputs))

    return step


def pennylane(circuit: Circuit, weights: Tensor, inputs: Tensor) -> Tensor:
    """Layers of Rot and CNOT on ``default.qubit``."""
    arrays = {"weight": weights, "feature": inputs}

    @qml.qnode(qml.device("default.qubit", wires=circuit.n_wires), interface="torch", diff_method="backprop")  # type: ignore[untyped-decorator]
    def node() -> list[Any]:
        if circuit.encoding == "amplitude":
            qml.AmplitudeEmbedding(inputs, wires=range(circuit.n_wires), pad_with=0.0, normalize=True)
        for gate in circuit.operations:
            if isinstance(gate, Gate) and gate.name == "rot":
                qml.Rot(*(arrays[angle.source][..., angle.index] for angle in gate.angles), wires=gate.wires)
            else:
                qml.CNOT(wires=gate.wires)
        return [qml.expval(qml.PauliZ(wire)) for wire in circuit.observables]

    return torch.stack(node(), dim=1).float()


def check_agreement(step: Step) -> None:
    """Both sides compute the same numbers, or there is nothing to compare."""
    for own, other in zip(step(vector.run), step(pennylane), strict=True):
        largest = max(1.0, float(other.abs().max()))
        torch.testing.assert_close(own, other, rtol=0, atol=3e-5 * largest)


def in_turns(turns: int, sides: Sequence[Callable[[], object]], repeats: Sequence[int]) -> list[float]:
    """The median seconds of each side, after a turn of warm-up; a side is called several times a turn."""
    times: list[list[float]] = [[] for _ in sides]
    for turn in range(turns + 1):
        for side, count, found in zip(sides, repeats, times, strict=True):
            for _ in range(count):
                start = time.perf_counter()
                side()
                if turn:
                    found.append(time.perf_counter() - start)
    return list(map(median, times))


def row(name: str, value: float, peer: str, ratio: float, bar: float) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "s", "peer": peer, "ratio": ratio, "bar": bar, "holds": ratio >= bar}


def of_uploading() -> list[dict[str, Any]]:
    circuit = uploading(8, 32)
    check_agreement(uploading_step(uploading(8, 3), 20))
    step = uploading_step(circuit, 64)
    own, torch_s, peer_s = in_turns(
        3, [lambda: step(vector.run), lambda: step(statevector.run), lambda: step(pennylane)], [5, 1, 1]
    )
    name = "8 wires, 32 re-uploading layers, batch 64: training step"
    return [
        row(name, own, f"default.qubit, backprop: {peer_s:.3g} s", peer_s / own, PENNYLANE_BAR),
        row(name, own, f"our torch path, gate by gate, float32: {torch_s:.3g} s", torch_s / own, TORCH_BAR),
    ]


def of_shared_angles() -> dict[str, Any]:
    n_layers, batch = 100, 256
    check_agreement(shared_step(layered(10, 3, 10, "cnot_ring"), 20))
    step = shared_step(layered(10, n_layers, 10, "cnot_ring"), batch)
    few = shared_step(layered(10, FEW_LAYERS, 10, "cnot_ring"), PART)
    own, peer_s = in_turns(3, [lambda: step(vector.run), lambda: few(pennylane)], [3, 1])
    whole = peer_s * (n_layers / FEW_LAYERS) * (batch / PART)
    measured = f"{FEW_LAYERS} layers and {PART} images, {peer_s:.2g} s"
    peer = f"default.qubit, backprop, extrapolated from {measured}: {whole:.3g} s"
    name = f"10 wires, {n_layers} layers, shared angles, batch {batch}: training step"
    return row(name, own, peer, whole / own, SHARED_BAR)


def rows() -> list[dict[str, Any]]:
    """Measure all of it on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [*of_uploading(), of_shared_angles()]
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for each in rows():
        print(f"{each['name']}: {each['value']:.3g} {each['unit']}, {each['peer']}, ratio {each['ratio']:.3g}")
