"""PGD with 40 steps on 1,000 images of 784 pixels against circuits of 10 wires: collapsed, against running the layers.

The layers' side is what training has, values and gradients of inputs and angles. The collapsed side includes making the
collapse. Both are timed in one run, on two threads; weights are random, since time does not depend on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor

from qaml.models.qvc.network import VariationalClassifier
from qaml.quantum.layered.network import expectations

N_IMAGES, N_PIXELS, N_WIRES, STEPS, EPSILON = 1_000, 784, 10, 40, 0.1
REPEATS = 5
BAR, DEPTH_BAR = 3.0, 1.10


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def pgd(logits: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, steps: int) -> Tensor:
    """Projected gradient ascent of the cross-entropy in L∞."""
    adversarials = images
    for _ in range(steps):
        leaf = adversarials.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits(leaf), labels), leaf)
        moved = leaf.detach() + 2.5 * EPSILON / STEPS * gradient.sign()
        adversarials = torch.clamp(images + (moved - images).clamp(-EPSILON, EPSILON), 0, 1)
    return adversarials


def layers(module: VariationalClassifier) -> Callable[[Tensor], Tensor]:
    """The circuit layer by layer, its angles taking gradients as in training."""
    angles = module.angles.detach().requires_grad_()

    def logits(inputs: Tensor) -> Tensor:
        values: Tensor = expectations(inputs / inputs.norm(dim=1, keepdim=True), angles, 10)
        return values

    return logits


def collapsed_attack(module: VariationalClassifier, images: Tensor, labels: Tensor) -> float:
    """Seconds of the attack alone, the collapse made before."""
    module.collapsed()
    return seconds(lambda: pgd(module, images, labels, STEPS))


def rows() -> list[dict[str, Any]]:
    """Measure depths of 200, 500 and 1,000 layers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        generator = torch.Generator().manual_seed(0)
        images = torch.rand(N_IMAGES, N_PIXELS, generator=generator)
        labels = torch.randint(0, 10, (N_IMAGES,), generator=generator)
        modules = {}
        for depth in (200, 500, 1_000):
            module = VariationalClassifier(N_PIXELS, 10, N_WIRES, depth).eval()
            module.requires_grad_(False)
            modules[depth] = module
        return [_against_layers(modules[200], images, labels), _over_depth(modules, images, labels)]
    finally:
        torch.set_num_threads(threads)


def _against_layers(module: VariationalClassifier, images: Tensor, labels: Tensor) -> dict[str, Any]:
    peer_steps = 8
    pgd(layers(module), images[:16], labels[:16], 1)
    ours, theirs = [], []
    for _ in range(REPEATS):
        module._fixed = None  # the collapse is part of the time
        ours.append(seconds(module.collapsed) + collapsed_attack(module, images, labels))
        theirs.append(seconds(lambda: pgd(layers(module), images, labels, peer_steps)) * STEPS / peer_steps)
    own, other = median(ours), median(theirs)
    return {
        "name": "PGD-40 on 1,000 images against QVC200, collapsed",
        "value": own,
        "unit": "s",
        "peer": f"all gradients through the layers: {other:.3g} s (from {peer_steps} steps)",
        "ratio": other / own,
        "bar": BAR,
        "holds": other / own >= BAR,
    }


def _over_depth(modules: dict[int, VariationalClassifier], images: Tensor, labels: Tensor) -> dict[str, Any]:
    times: dict[int, list[float]] = {depth: [] for depth in modules}
    for _ in range(REPEATS):
        for depth, module in modules.items():
            times[depth].append(collapsed_attack(module, images, labels))
    best = {depth: min(found) for depth, found in times.items()}
    ratio = max(best.values()) / min(best.values())
    return {
        "name": "the same attack at 200, 500 and 1,000 layers, slowest over fastest",
        "value": max(best.values()),
        "unit": "s",
        "peer": ", ".join(f"{depth}: {value:.3g} s" for depth, value in best.items()),
        "ratio": ratio,
        "bar": DEPTH_BAR,
        "holds": ratio <= DEPTH_BAR,
    }


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} s, {row['peer']}, ratio {row['ratio']:.2f} (bar {row['bar']:g})")
