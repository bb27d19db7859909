"""Sound modules that ordinary people write: each computes logits, none is quite what a library expects."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """Plain; the others differ from it in one way each."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.layer(inputs)
        return logits


class DoubleLogits(Net):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).double()


class HalfLogits(Net):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).bfloat16()


def double_weights() -> nn.Module:
    return Net().double()


def bfloat_weights() -> nn.Module:
    return Net().bfloat16()


class ComplexWeights(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 2, dtype=torch.complex64))

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs.to(self.weight.dtype) @ self.weight).abs()


class PlainAttribute(Net):
    """The tensors are neither parameters nor buffers, so ``double()`` leaves them as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = torch.eye(4)
        self.several = [torch.ones(4, 4)]

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs @ self.turn - inputs @ self.several[0] / 4)


class MadeInForward(Net):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs @ torch.eye(4, dtype=torch.float32))


class AssertsFloat(Net):
    def forward(self, inputs: Tensor) -> Tensor:
        assert inputs.dtype == torch.float32
        return super().forward(inputs)


class Transposed(Net):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).T.contiguous().T


class ViewOfInput(nn.Module):
    """No weights at all: the logits are two of the features."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs[:, :2]


class InPlace(Net):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.mul_(2).sub_(1))


class SilentModes(Net):
    """As people write it: nothing is returned, and ``eval`` does more than ``train(False)``."""

    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        super().train(mode)

    def eval(self) -> None:  # type: ignore[override]
        super().train(False)


class BuffersOnly(nn.Module):
    prototypes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("prototypes", torch.tensor([[0.2] * 4, [0.8] * 4]))

    def forward(self, inputs: Tensor) -> Tensor:
        return -(inputs[:, None] - self.prototypes).square().sum(2)


def frozen() -> nn.Module:
    return Net().requires_grad_(False)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.same = nn.Linear(4, 4), nn.Linear(4, 4)
        self.same.weight = self.inner.weight
        self.layer = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.layer(self.same(self.inner(inputs).tanh()).tanh())
        return logits


class Named(Net):
    """Names that mean something to qaml, and something else to their author."""

    averaged = "running"
    is_randomised = "no"
    reseed = "never"

    def __init__(self) -> None:
        super().__init__()
        self.states = nn.ModuleList([nn.Linear(4, 4)])
        self.curves, self.noise, self.observables, self.bloch = [1.0], 0.1, {"loss": 2.0}, None
        self.described = self.shots_needed = self.total_flips = self.channels = 3
        self.expectations = self.logits_of = torch.zeros(2)

    def reseed_all(self) -> None:
        raise AssertionError("asked for what is the author's own")

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(self.states[0](inputs))


class Features(Net):
    """Features for a plot, so without gradients, and of another shape than the last layer's inputs."""

    @torch.no_grad()
    def features(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs)[:1]


class GradientsOff(Net):
    """Leaves the switch of the whole process behind it."""

    def forward(self, inputs: Tensor) -> Tensor:
        logits = super().forward(inputs)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return logits


class Unregistered(Net):
    """Not sound: later steps build it again and find another projection."""

    def __init__(self) -> None:
        super().__init__()
        self.projection = torch.randn(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs @ self.projection)


class NoGradient(Net):
    """Not trainable."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).detach()
