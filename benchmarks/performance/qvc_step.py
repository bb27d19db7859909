"""A training step of West et al.'s QVC200 (2022, table I) against PennyLane, plain torch and the processor itself.

The circuit has 10 wires and 200 layers; a batch is 256 images of 28 × 28, encoded in amplitudes. A step is the forward
pass and the gradients of weights and images. Both sides run on two threads and in turns, after a warm-up; the ratio is
that of the medians, and before anything is timed their values and gradients are compared.

PennyLane (``default.qubit``, backprop) needs some 30 GB for such a step, so it runs 64 images through 20 layers, and
layers and images are extrapolated linearly. Plain torch, two 32 × 32 products a layer with autograd, runs the batch in
four parts of 64, for memory's sake.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, TypeAlias

import pennylane as qml
import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from qaml.quantum.layered.network import expectations

WIRES, LAYERS, FEATURES, BATCH, IMAGES = 10, 200, 28 * 28, 256, 60_000
FEW_LAYERS, PART = 20, 64
THREADS = 2
EPOCH_STEPS = 10
"""Steps of an epoch that are timed."""
FLOPS = 4 * WIRES + 8
"""Additions and multiplications an amplitude and layer: a rotation of real numbers on each wire, and the diagonal."""
PENNYLANE_BAR, TORCH_BAR, RATE_BAR = 150.0, 10.0, 0.6
MOST_MB, MOST_EPOCH_S = 500, 60

Model: TypeAlias = Callable[[Tensor, Tensor], Tensor]

MEMORY = f"""
import torch
from pathlib import Path
from qaml.quantum.layered.network import expectations
torch.set_num_threads({THREADS})
def kilobytes(entry):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(entry))
    return int(line.split()[1])
before = kilobytes("VmRSS")
rows = torch.nn.functional.normalize(torch.rand({BATCH}, {FEATURES})).requires_grad_()
weights = torch.rand({LAYERS}, {WIRES}, 3).requires_grad_()
expectations(rows, weights, {WIRES}).sum().backward()
print(kilobytes("VmHWM") - before)
"""
"""A process of its own prints its peak less what it held before (``ru_maxrss`` would begin with its parent's peak)."""


def ours(rows: Tensor, weights: Tensor) -> Tensor:
    return expectations(rows, weights, WIRES)


def pennylane(rows: Tensor, weights: Tensor) -> Tensor:
    @qml.qnode(qml.device("default.qubit", wires=WIRES), interface="torch", diff_method="backprop")  # type: ignore[untyped-decorator]
    def circuit() -> list[Any]:
        qml.AmplitudeEmbedding(rows, wires=range(WIRES), pad_with=0.0, normalize=True)
        for layer in weights:
            for wire in range(WIRES):
                qml.Rot(*layer[wire], wires=wire)
            for wire in range(WIRES - 1):
                qml.CZ(wires=[wire, wire + 1])
        return [qml.expval(qml.PauliZ(wire)) for wire in range(WIRES)]

    return torch.stack(circuit(), dim=1).float()


def two_products(rows: Tensor, weights: Tensor) -> Tensor:
    """A state is a matrix, the first five wires by the last five: a layer multiplies it from either side."""
    half = WIRES // 2
    side = 2**half
    phi, theta, omega = weights.unbind(-1)
    cosine, sine = torch.cos(theta / 2), torch.sin(theta / 2)
    plus, minus = (
        torch.polar(torch.ones_like(phi), (phi + omega) / 2),
        torch.polar(torch.ones_like(phi), (phi - omega) / 2),
    )
    gates = torch.stack([cosine * plus.conj(), -sine * minus, sine * minus.conj(), cosine * plus], -1)
    gates = gates.reshape(*phi.shape, 2, 2)
    upper, lower = gates[:, 0], gates[:, half]
    for wire in range(1, half):
        upper = torch.einsum("lij,lab->liajb", upper, gates[:, wire]).reshape(len(weights), 2 ** (wire + 1), -1)
        lower = torch.einsum("lij,lab->liajb", lower, gates[:, half + wire]).reshape(len(weights), 2 ** (wire + 1), -1)
    bits = torch.arange(2**WIRES)[:, None] >> torch.arange(WIRES - 1, -1, -1) & 1
    chain = (1.0 - 2.0 * ((bits[:, 1:] * bits[:, :-1]).sum(1) % 2)).reshape(side, side)
    states = pad(rows, (0, 2**WIRES - rows.shape[1])).reshape(-1, side, side).to(torch.complex64)
    for left, right in zip(upper, lower, strict=True):
        states = (left @ states @ right.T) * chain
    return (states.real**2 + states.imag**2).flatten(1) @ (1.0 - 2.0 * bits)


def step(model: Model, rows: Tensor, weights: Tensor, part: int = BATCH) -> tuple[Tensor, Tensor, Tensor]:
    """Values, and the gradients of their sum of squares with respect to images and weights."""
    rows, weights = rows.clone().requires_grad_(), weights.clone().requires_grad_()
    values = []
    for some in torch.split(rows, part):
        measured = model(some, weights)
        measured.square().sum().backward()  # type: ignore[no-untyped-call]
        values.append(measured.detach())
    assert rows.grad is not None
    assert weights.grad is not None
    return torch.cat(values), rows.grad, weights.grad


def check_agreement(peer: Model, rows: Tensor, weights: Tensor) -> None:
    """Both sides compute the same numbers, or there is nothing to compare."""
    for own, other in zip(step(ours, rows, weights), step(peer, rows, weights), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(turns: int, *sides: Callable[[], object]) -> list[float]:
    """The median seconds of each side, after a turn of warm-up."""
    times = [[seconds(side) for side in sides] for _ in range(turns + 1)][1:]
    return [median(side) for side in zip(*times, strict=True)]


def row(name: str, value: float, unit: str, peer: str, ratio: float, bar: float) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "peer": peer, "ratio": ratio, "bar": bar, "holds": ratio >= bar}


NAME = f"QVC{LAYERS} on {WIRES} wires, batch {BATCH}"


def against_pennylane(rows: Tensor, weights: Tensor) -> dict[str, Any]:
    few_rows, few_weights = rows[:PART], weights[:FEW_LAYERS]
    check_agreement(pennylane, few_rows[:8], few_weights[:3])
    own, other = in_turns(2, lambda: step(ours, rows, weights), lambda: step(pennylane, few_rows, few_weights))
    whole = other * (LAYERS / FEW_LAYERS) * (BATCH / PART)
    measured = f"{FEW_LAYERS} layers and {PART} images, {other:.2g} s"
    peer = f"default.qubit, backprop, extrapolated from {measured}: {whole:.3g} s"
    return row(f"{NAME}: training step", own, "s", peer, whole / own, PENNYLANE_BAR)


def against_torch(rows: Tensor, weights: Tensor) -> dict[str, Any]:
    check_agreement(two_products, rows[:8], weights)
    own, other = in_turns(3, lambda: step(ours, rows, weights), lambda: step(two_products, rows, weights, PART))
    peer = f"plain torch, two 32 × 32 products a layer: {other:.3g} s"
    return row(f"{NAME}: training step", own, "s", peer, other / own, TORCH_BAR)


def against_products(rows: Tensor, weights: Tensor) -> dict[str, Any]:
    """The forward pass's rate of arithmetic against that of a large product of matrices."""
    matrix = torch.rand(1024, 1024)
    own, other = in_turns(15, lambda: ours(rows, weights), lambda: torch.mm(matrix, matrix))
    rate = FLOPS * 2**WIRES * LAYERS * BATCH / own / 1e9
    product = 2 * 1024**3 / other / 1e9
    name = f"{NAME}: forward pass, {FLOPS} operations an amplitude and layer"
    return row(name, rate, "Gflop/s", f"torch.mm of 1024 × 1024: {product:.3g} Gflop/s", rate / product, RATE_BAR)


def memory() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    used = int(done.stdout) / 1024
    return row(f"{NAME}: memory of a step", used, "MB", f"at most {MOST_MB} MB", MOST_MB / used, 1.0)


def epoch(images: Tensor, weights: Tensor) -> dict[str, Any]:
    """Steps as in training: encoding, logits, cross-entropy, Adam."""
    angles = torch.nn.Parameter(weights.clone())
    optimiser = torch.optim.Adam([angles], lr=5e-3)
    labels = torch.arange(len(images)) % WIRES

    def train() -> None:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(10 * expectations(normalize(images), angles, WIRES), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    (each,) = in_turns(EPOCH_STEPS, train)
    whole = each * IMAGES / BATCH
    name = f"{NAME}: epoch of {IMAGES:,} images, from {EPOCH_STEPS} steps"
    return row(name, whole, "s", f"at most {MOST_EPOCH_S} s", MOST_EPOCH_S / whole, 1.0)


def rows() -> list[dict[str, Any]]:
    """Measure all of it on two threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(BATCH, FEATURES, generator=generator)
    weights = 2 * torch.pi * torch.rand(LAYERS, WIRES, 3, generator=generator)
    amplitudes = normalize(images)
    try:
        return [
            against_pennylane(amplitudes, weights),
            against_torch(amplitudes, weights),
            against_products(amplitudes, weights),
            memory(),
            epoch(images, weights),
        ]
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for each in rows():
        print(f"{each['name']}: {each['value']:.3g} {each['unit']}, {each['peer']}, ratio {each['ratio']:.3g}")
