"""Modules that a user might bring: sound ones, and ones with a mistake each."""

from __future__ import annotations

import os
import random
import sys
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tests.models.own_estimators import Scores


class Network(nn.Module):
    """A sound network for digits of 8×8 pixels, which the others change."""

    def __init__(self, hidden: int = 64, classes: int = 10, features: int = 64) -> None:
        super().__init__()
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, classes)

    def hidden(self, inputs: Tensor) -> Tensor:
        return torch.relu(self.first(inputs.flatten(1)))

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.second(self.hidden(inputs))
        return found


# --- sound ones


def sequential(*middle: nn.Module, hidden: int = 64) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), *middle, nn.ReLU(), nn.Linear(hidden, 10))


def dropout() -> nn.Module:
    return sequential(nn.Dropout(0.5))


def batch_norm() -> nn.Module:
    return sequential(nn.BatchNorm1d(64))


def layer_norm() -> nn.Module:
    return sequential(nn.LayerNorm(64))


def group_norm() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.GroupNorm(2, 8), nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10)
    )


def log_softmax() -> nn.Module:
    return nn.Sequential(sequential(), nn.LogSoftmax(1))


def tanh_network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))


def float64() -> nn.Module:
    return sequential().double()


class Normalising(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward((inputs - 0.3) / 0.37)


class LargeLogits(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return 10 * super().forward(inputs)


class ZeroStart(Network):
    """Its last layer starts at zero, as residual networks may."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)


class Attention(nn.Module):
    """Rows of pixels as tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.head = nn.Linear(16, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.head(self.layer(self.embed(inputs[:, 0])).mean(1))
        return found


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.GRU(8, 24, batch_first=True)
        self.head = nn.Linear(24, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.head(self.cells(inputs[:, 0])[0][:, -1])
        return found


class Cosine(Network):
    """Logits are cosines in [-1, 1]: small, and never negative infinity."""

    def forward(self, inputs: Tensor) -> Tensor:
        weight = functional.normalize(self.second.weight, dim=1)
        return functional.normalize(self.hidden(inputs), dim=1) @ weight.T


class Squares(Network):
    """Overlaps in [0, 1] that do not sum to one."""

    def forward(self, inputs: Tensor) -> Tensor:
        directions = functional.normalize(self.second.weight, dim=1)
        return (functional.normalize(self.hidden(inputs), dim=1) @ directions.T).square() * 5


class Kernel(nn.Module):
    """A kernel machine: its support vectors are buffers, its coefficients are trained."""

    def __init__(self) -> None:
        super().__init__()
        self.support: Tensor
        self.register_buffer("support", torch.rand(200, 64))
        self.coefficients = nn.Linear(200, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        distances = torch.cdist(inputs.flatten(1), self.support).square()
        found: Tensor = self.coefficients(torch.exp(-distances / 10))
        return found


class FrozenBackbone(Network):
    def __init__(self) -> None:
        super().__init__(hidden=200)
        self.first.requires_grad_(False)


def features(hidden: int = 16) -> nn.Module:
    return Network(hidden, 2, 2)


# --- mistakes in the code


class Softmax(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return torch.softmax(super().forward(inputs), 1)


class OneHot(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return functional.one_hot(super().forward(inputs).argmax(1), 10).float()


class Argmax(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).argmax(1)


class Pair(Network):
    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(inputs), inputs


class OneOutput(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs)[:, 0]


class BatchMean(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).mean(0, keepdim=True)


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(288, 10))

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.network(images.permute(0, 3, 1, 2))
        return found


class FixedBatch(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.view(32, -1))


class Squeezing(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).squeeze()


class Flat(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.second(self.first(inputs))
        if found.ndim > 2:
            raise ValueError("expected flat inputs")
        return found


class Raising(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        raise ZeroDivisionError(f"no layer for {tuple(inputs.shape)}")


class EvalLeft(nn.Module):
    """Overrides ``eval`` and forgets its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.network = dropout()

    def eval(self) -> EvalLeft:
        self.training = False
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.network(inputs)
        return found


class TrainInForward(EvalLeft):
    def forward(self, inputs: Tensor) -> Tensor:
        self.train()
        return super().forward(inputs)


class FunctionalDropout(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.second(functional.dropout(self.hidden(inputs)))
        return found


class Noisy(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs + 0.3 * torch.randn_like(inputs))


class NumpyNoise(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        noise = np.random.normal(0, 0.3, inputs.shape).astype(np.float32)  # noqa: NPY002
        return super().forward(inputs + torch.from_numpy(noise))


class PythonNoise(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs * random.uniform(0.3, 1.7))


def batch_statistics() -> nn.Module:
    return sequential(nn.BatchNorm1d(64, track_running_stats=False))


class Centred(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs - inputs.mean(0))


class BatchMaximum(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs / inputs.norm(dim=None))


class Counter(Network):
    def __init__(self) -> None:
        super().__init__()
        self.calls: Tensor
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(inputs)


class Detached(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.detach())


class NoGrad(Network):
    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs)


class Numpy(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return torch.from_numpy(super().forward(inputs).detach().numpy())


class Rounding(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(torch.round(inputs * 15) / 15)


class Threshold(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward((inputs > 0.5).float())


class RootOfZero(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.sqrt())


class LogOfZero(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs * torch.log(inputs))


class Dead(Network):
    """No unit of its hidden layer is ever active."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.constant_(self.first.bias, -1e3)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.second(torch.relu(self.first(inputs.flatten(1))))
        return found


class Blind(Network):
    """Forgets its inputs on the way."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs * 0)


class DividedAgain(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs / 255 / 255)


class Half(Network):
    """Logits in half precision beside a large constant, as of an unnormalised energy."""

    def forward(self, inputs: Tensor) -> Tensor:
        return (super().forward(inputs) + 3000).half()


class Greedy(Network):
    """Keeps far too much for backpropagation."""

    def forward(self, inputs: Tensor) -> Tensor:
        wide = inputs.flatten(1).repeat(1, 1000)
        return super().forward(inputs) + 0 * wide.exp().sum(1, keepdim=True)


class Forgetful(Network):
    """Its mask is no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.mask = (torch.rand(64) < 0.5).float()

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.flatten(1) * self.mask)


class Unseeded(Network):
    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            drawn = np.random.default_rng().normal(0, 0.1, (64, 64)).astype(np.float32)
            self.first.weight.copy_(torch.from_numpy(drawn))


def self_seeded() -> nn.Module:
    torch.manual_seed(0)
    return Network()


class UntrainableLoss(Network):
    """Answers, and raises in training."""

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            raise NotImplementedError("no training")
        return super().forward(inputs)


def raising() -> nn.Module:
    raise KeyError("configuration")


def nothing() -> None:
    """Forgets to return the module."""


def hanging() -> nn.Module:
    while True:
        time.sleep(0.05)


def leaving() -> nn.Module:
    sys.exit(0)


def ending() -> nn.Module:
    os._exit(0)


def crashing() -> nn.Module:
    os.abort()


def switching() -> nn.Module:
    torch.set_default_dtype(torch.float64)
    return Network().float()


# --- frozen ones, with the weights of ``Network`` unless they say otherwise


class Divided(Network):
    """Divides by 255 what is in [0, 1] already."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs / 255)


class Permuted(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs)[:, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]]


class Constant(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.mean(0, keepdim=True) * 0).expand(len(inputs), -1)


class Steep(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return 1000 * super().forward(inputs)


class Inverted(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(1 - inputs)


class Transposed(Network):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.transpose(2, 3))


class Diverging(Network):
    """Its loss is no number, whatever the learning rate."""

    def forward(self, inputs: Tensor) -> Tensor:
        logits = super().forward(inputs)
        return logits * float("nan") if self.training else logits


class Guessing(Scores):
    """An estimator that draws when it answers."""

    def predict_proba(self, inputs: NDArray[Any]) -> NDArray[Any]:
        shares = super().predict_proba(inputs) + np.random.default_rng().uniform(0, 1, (len(inputs), len(self.known)))
        normed: NDArray[Any] = shares / shares.sum(1, keepdims=True)
        return normed
