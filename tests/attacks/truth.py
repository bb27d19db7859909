"""Linear classifiers, whose worst case within a ball, and within ball and box, is known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks import AttackPart, AttackResult, Target
from qaml.types import Bounds
from qaml.vocab import Norm

UNIT = Bounds(0.0, 1.0)


class Linear(nn.Module):
    """Logits W·x + b of flattened inputs."""

    def __init__(self, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
        super().__init__()
        self.layer = nn.Linear(weights.shape[1], weights.shape[0])
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor(weights, dtype=torch.float32))
            self.layer.bias.copy_(torch.tensor(bias, dtype=torch.float32))

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.layer(inputs.flatten(1))
        return logits


class Problem:
    """A random linear classifier and inputs that it classifies correctly."""

    def __init__(
        self,
        classes: int,
        shape: tuple[int, ...],
        bounds: Bounds = UNIT,
        spread: float = 1.0,
        n: int = 60,
        seed: int = 0,
    ) -> None:
        """Draw them; inputs fill the middle ``spread`` of the box."""
        generator = np.random.default_rng(seed)
        features = int(np.prod(shape))
        middle, half = (bounds.low + bounds.high) / 2, (bounds.high - bounds.low) / 2
        weights = generator.normal(size=(classes, features))
        inputs = middle + spread * half * generator.uniform(-1, 1, size=(n, features))
        self.module = Linear(weights, -weights @ np.full(features, middle)).eval()
        self.inputs = torch.tensor(inputs.reshape(n, *shape), dtype=torch.float32)
        with torch.no_grad():
            self.labels = self.module(self.inputs).argmax(1)
        self.target = Target(self.module, bounds, classes)

    def run(self, attack: AttackPart, seed: int = 0) -> AttackResult:
        return attack.run(self.target, self.inputs, self.labels, seed, lambda _: None)

    def fooled(self, result: AttackResult) -> NDArray[np.bool_]:
        """(n_epsilons, n) predicted again."""
        return np.stack([predict(self.module, a) != self.labels.numpy() for a in result.adversarials])

    def _differences(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        weights = self.module.layer.weight.detach().double().numpy()
        bias = self.module.layer.bias.detach().double().numpy()
        labels = self.labels.numpy()
        logits = self.inputs.double().numpy().reshape(len(labels), -1) @ weights.T + bias
        margins = np.take_along_axis(logits, labels[:, None], 1) - logits
        slopes = weights[None] - weights[labels][:, None]
        return margins, slopes

    def radii(self, norm: Norm) -> NDArray[np.float64]:
        """(n,) min over j of margin / ‖w_j − w_y‖ in the dual norm; the box is ignored."""
        margins, slopes = self._differences()
        sizes = np.abs(slopes).sum(-1) if norm == "linf" else np.sqrt((slopes**2).sum(-1))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = margins / sizes
        ratio[np.arange(len(ratio)), self.labels.numpy()] = np.inf
        smallest: NDArray[np.float64] = ratio.min(1)
        return smallest

    def worst_margins(self, epsilon: float, norm: Norm) -> NDArray[np.float64]:
        """(n,) the smallest margin within ball and box: robust iff positive."""
        margins, slopes = self._differences()
        low, high = self.target.bounds
        inputs = self.inputs.double().numpy().reshape(len(margins), 1, -1)
        down, up = low - inputs, high - inputs
        if norm == "linf":
            down, up = np.maximum(down, -epsilon), np.minimum(up, epsilon)
            gains = np.maximum(slopes * down, slopes * up).sum(-1)
        else:
            gains = (slopes * steepest_in_ball_and_box(slopes, down, up, epsilon)).sum(-1)
        worst = margins - gains
        worst[np.arange(len(worst)), self.labels.numpy()] = np.inf
        smallest: NDArray[np.float64] = worst.min(1)
        return smallest


def steepest_in_ball_and_box(
    slopes: NDArray[np.float64], down: NDArray[np.float64], up: NDArray[np.float64], epsilon: float
) -> NDArray[np.float64]:
    """The maximiser of a·δ is clip(λa, box), with λ such that it lies on the sphere (or the whole box inside)."""
    small, large = np.zeros((*slopes.shape[:2], 1)), np.full((*slopes.shape[:2], 1), 1e6)
    for _ in range(100):
        scale = (small + large) / 2
        within = np.sqrt((np.clip(scale * slopes, down, up) ** 2).sum(-1, keepdims=True)) <= epsilon
        small, large = np.where(within, scale, small), np.where(within, large, scale)
    steepest: NDArray[np.float64] = np.clip(small * slopes, down, up)
    return steepest


def predict(module: nn.Module, inputs: NDArray[Any]) -> NDArray[np.int64]:
    with torch.no_grad():
        predicted: NDArray[np.int64] = module(torch.from_numpy(np.asarray(inputs, dtype=np.float32))).argmax(1).numpy()
    return predicted


def norms(clean: Tensor, adversarials: NDArray[np.float32], norm: Norm) -> NDArray[np.float64]:
    """(…, n) of (…, n, *shape)."""
    difference = adversarials.astype(np.float64) - clean.double().numpy()
    flat = difference.reshape(*adversarials.shape[: adversarials.ndim - clean.ndim + 1], -1)
    sizes: NDArray[np.float64] = np.abs(flat).max(-1) if norm == "linf" else np.sqrt((flat**2).sum(-1))
    return sizes
