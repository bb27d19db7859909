"""An epoch of QNN-CN (Huang & Zhang 2023): 8 wires, 10 layers, 400 images, batch 64, BIM-3 inside, against PennyLane.

Both sides attack every batch through a draw of the noise layers at each of three steps, and then take one step of Adam
on the batch and its adversarials. Ours is the training that a spec runs, harness and foolbox included; PennyLane's is a
loop around ``default.qubit`` with broadcasting and backpropagation, of which one batch is timed and multiplied.
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

from qaml.attacks.gradient.part import BIM
from qaml.data.base import load
from qaml.data.digits import Digits
from qaml.defences.combined_loss.hooks import CleanAndAttacked
from qaml.models.base import Training
from qaml.models.noise_layers.part import SIGMA2, NoiseLayers
from qaml.models.one_wire.network import OneWireClassifier, encoded
from qaml.models.qnn.part import QNN
from qaml.run.classifier import target
from qaml.types import Bounds, InputInfo, Split

WIRES, LAYERS, IMAGES, BATCH, STEPS, STEP = 8, 10, 400, 64, 3, 0.05
INFO = InputInfo((1, 16, 16), ("one", "nine"), Bounds(0.0, 1.0))
BAR = 20.0
TOLERANCE = 1e-5
ROUNDS = 7


def images() -> Split:
    """Digits enlarged to 16×16; what is on them does not matter here."""
    data = load(Digits()).train
    inputs = np.kron(data.inputs[:IMAGES], np.ones((1, 1, 2, 2), np.float32))
    return Split(inputs, np.arange(IMAGES) % 2, np.arange(IMAGES))


def ours(data: Split) -> Callable[[], float]:
    """The seconds of an epoch, measured anew at each call."""
    part = QNN(layers=LAYERS, noise_layers=NoiseLayers(), training=Training(lr=0.005, batch=BATCH, epochs=1))
    bim = BIM(epsilon=(STEPS * STEP,), steps=STEPS, step=STEP)

    def craft(module: torch.nn.Module, inputs: Tensor, labels: Tensor, seed: int) -> Tensor:
        victim = target(module, INFO)._replace(is_counted=False)
        found = bim.run(victim, inputs, labels, seed, lambda _: None)
        return torch.from_numpy(found.adversarials[-1])

    def epoch() -> float:
        module = part.build(INFO, 0)
        start = time.perf_counter()
        part.fit(module, data, INFO, CleanAndAttacked(craft, 0.5, 0), 0)
        return time.perf_counter() - start

    return epoch


def circuit() -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """(images (batch, 256), angles, draws) → ⟨Z⟩ (batch,) on PennyLane."""

    @qml.qnode(qml.device("default.qubit", wires=WIRES), interface="torch", diff_method="backprop")  # type: ignore[untyped-decorator]
    def run(inputs: Tensor, angles: Tensor, draws: Tensor) -> Any:
        qml.AmplitudeEmbedding(inputs, wires=range(WIRES), normalize=True)
        for layer in range(LAYERS):
            for wire in range(WIRES):
                qml.RY(draws[layer, wire], wires=wire)
                qml.Rot(*angles[layer, wire], wires=wire)
            for wire in range(WIRES - 1):
                qml.CNOT(wires=[wire, wire + 1])
        return qml.expval(qml.PauliZ(0))

    return run  # type: ignore[no-any-return]


def theirs(data: Split) -> Callable[[], float]:
    """The seconds of an epoch from those of one batch, measured anew at each call."""
    run = circuit()
    angles = (2 * np.pi * torch.rand(LAYERS, WIRES, 3)).requires_grad_()
    beta = torch.full((LAYERS,), 0.25).requires_grad_()
    optimiser = torch.optim.Adam([angles, beta], lr=0.005)
    clean = torch.from_numpy(data.inputs[:BATCH]).flatten(1)
    labels = torch.from_numpy(data.labels[:BATCH])

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        draws = torch.randn(LAYERS, WIRES) * SIGMA2**0.5 * beta[:, None]
        z = run(inputs, angles, draws)
        shares = torch.stack((1 + z, 1 - z), -1) / 2
        return torch.nn.functional.nll_loss(shares.clamp_min(1e-7).log(), targets)

    def batch() -> float:
        start = time.perf_counter()
        attacked = clean
        for _ in range(STEPS):
            leaf = attacked.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(loss(leaf, labels), leaf)
            attacked = (attacked + STEP * gradient.sign()).clamp(0, 1).float()
        optimiser.zero_grad()
        loss(torch.cat((clean, attacked)), torch.cat((labels, labels))).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return (time.perf_counter() - start) * IMAGES / BATCH

    return batch


def check_agreement(data: Split) -> None:
    """Both sides compute the same numbers, or there is nothing to compare."""
    module = QNN(layers=LAYERS, noise_layers=NoiseLayers()).build(INFO, 0)
    assert isinstance(module, OneWireClassifier)
    inputs = torch.from_numpy(data.inputs[:2]).flatten(1)
    draws = torch.randn(LAYERS, WIRES)
    z = module.drawn_expectations(encoded(inputs, WIRES, "amplitude"), draws)
    torch.testing.assert_close(z, circuit()(inputs, module.weights, draws).float(), rtol=0, atol=TOLERANCE)


def rows() -> list[dict[str, Any]]:
    """Time an epoch of both in turn, for a machine's speed changes within seconds."""
    data = images()
    check_agreement(data)
    calls = ours(data), theirs(data)
    pairs = [tuple(call() for call in calls) for _ in range(1 + ROUNDS)][1:]
    here, there = (median(side) for side in zip(*pairs, strict=True))
    ratio = median(peer / own for own, peer in pairs)
    return [
        {
            "name": f"epoch of QNN-CN, {WIRES} wires, {LAYERS} layers, {IMAGES} images, BIM-{STEPS} inside",
            "value": here,
            "unit": "s",
            "peer": f"default.qubit, broadcasting, from one batch: {there:.3g} s",
            "ratio": ratio,
            "bar": BAR,
            "holds": ratio >= BAR,
        }
    ]


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} {row['unit']}, {row['peer']}, ratio {row['ratio']:.3g}")
