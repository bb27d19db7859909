"""One PCD update of an RBM against the same update written in plain torch.

The machine is Kehoe et al.'s (2021, section 4.3): 28 × 28 pixels and 10 labels, 40 hidden units, 50 sweeps, Adam. An
update is the whole of it: sampling, both phases, optimiser. Both sides run on one thread, from the same briefly trained
weights, in turns of several updates as in training; the ratio is that of the medians. Compilation and first steps are
outside the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from statistics import median
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from qaml.models.base import Training
from qaml.models.rbm.network import RBMClassifier
from qaml.models.rbm.training import ArrayUpdate, visible_units
from qaml.samplers.base import NegativePhase
from qaml.samplers.gibbs.part import PersistentContrastiveDivergence

N_PIXELS, N_CLASSES, HIDDEN, SWEEPS = 28 * 28, 10, 40, 50
N_VISIBLE = N_PIXELS + N_CLASSES
TRAINING = Training(optimiser="adam", lr=1e-2)
WARM_UP = 1_000
"""Updates with batches of 10 before timing: the chains then look like digits, not like noise."""
BAR = 4.0


class TorchUpdate:
    """The same update as anybody would write it: bernoulli, sigmoid, torch.optim."""

    def __init__(self, module: RBMClassifier, chains: int) -> None:
        self._module = module
        self._chains = torch.bernoulli(torch.full((chains, N_VISIBLE), 0.5))
        self._optimiser = torch.optim.Adam(module.parameters(), TRAINING.lr)

    @torch.no_grad()
    def step(self, visible: Tensor) -> None:
        weights, b, c = self._module.weights, self._module.visible_bias, self._module.hidden_bias
        chains = self._chains
        for _ in range(SWEEPS):
            hidden = torch.bernoulli(torch.sigmoid(chains @ weights + c))
            chains = torch.bernoulli(torch.sigmoid(hidden @ weights.T + b))
        self._chains = chains
        data, model = torch.sigmoid(visible @ weights + c), torch.sigmoid(chains @ weights + c)
        weights.grad = chains.T @ model / len(chains) - visible.T @ data / len(visible)
        b.grad = chains.mean(0) - visible.mean(0)
        c.grad = model.mean(0) - data.mean(0)
        self._optimiser.step()


def digits() -> Tensor:
    """Visible units of scikit-learn's digits at MNIST's size, 20 × 20 in a frame of 28 × 28, with their labels."""
    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float()[:, None] / 16
    boxes = torch.nn.functional.interpolate(images, size=(20, 20), mode="bilinear")
    framed = torch.nn.functional.pad(boxes, (4, 4, 4, 4))
    return visible_units(framed, torch.from_numpy(bunch.target.astype(np.int64)), N_CLASSES)


def seconds(step: Callable[[Tensor], None], batches: list[Tensor]) -> float:
    """Seconds an update."""
    start = time.perf_counter()
    for batch in batches:
        step(batch)
    return (time.perf_counter() - start) / len(batches)


def take(visible: Tensor, n: int, i: int) -> Tensor:
    """The i-th batch of n examples, round and round."""
    return visible[torch.arange(i * n, (i + 1) * n) % len(visible)]


def sampler(chains: int) -> NegativePhase[Any]:
    return PersistentContrastiveDivergence(sweeps=SWEEPS, chains=chains).start(N_VISIBLE, HIDDEN, seed=0)


def trained_machine(visible: Tensor) -> RBMClassifier:
    """A machine after ``WARM_UP`` updates: its units are as active as in training, not as at a random start."""
    module = RBMClassifier(N_PIXELS, N_CLASSES, HIDDEN)
    with torch.no_grad():
        module.weights.normal_(0, 0.01, generator=torch.Generator().manual_seed(0))
    update = ArrayUpdate(module, TRAINING, sampler(10))
    for i in range(WARM_UP):
        update.step(take(visible, 10, i))
    return module


def compare(machine: RBMClassifier, visible: Tensor, n: int, turns: int, updates: int) -> dict[str, Any]:
    """The row for batches of n examples and n chains, training on in turns of some updates; two turns warm up."""
    batches = [[take(visible, n, turn * updates + i) for i in range(updates)] for turn in range(turns + 2)]
    ours = ArrayUpdate(deepcopy(machine), TRAINING, sampler(n))
    peer = TorchUpdate(deepcopy(machine), n)
    times = [(seconds(ours.step, turn), seconds(peer.step, turn)) for turn in batches][2:]
    own, other = median(t[0] for t in times), median(t[1] for t in times)
    return {
        "name": f"PCD update, {N_VISIBLE} × {HIDDEN} units, {SWEEPS} sweeps, batch and chains {n:,}",
        "value": own,
        "unit": "s",
        "peer": f"plain torch, one thread: {other:.3g} s",
        "ratio": other / own,
        "bar": BAR,
        "holds": other / own >= BAR,
    }


def rows() -> list[dict[str, Any]]:
    """Measure both sizes on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            visible = digits()
            machine = trained_machine(visible)
            return [compare(machine, visible, 10, 31, 20), compare(machine, visible, 1_000, 11, 2)]
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} s, {row['peer']}, ratio {row['ratio']:.2f} (bar {row['bar']:g})")
