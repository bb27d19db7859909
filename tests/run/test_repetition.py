"""Asking again: what draws, counts or looks at its neighbours is found; what is sound or declared is not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.models.base import ModelPart
from qaml.run.repetition import PARTS, Repetition, repeated, spread
from qaml.types import Bounds, FloatArray, InputInfo

N = 60
INPUTS: FloatArray = np.random.default_rng(3).random((N, 8)).astype(np.float32)
WEIGHTS = torch.from_numpy(np.random.default_rng(4).standard_normal((8, 3)).astype(np.float32))

Forward = Callable[[Tensor], Tensor]


class Built(nn.Module):
    """Logits by a function."""

    def __init__(self, function: Forward) -> None:
        super().__init__()
        self.function = function

    def forward(self, inputs: Tensor) -> Tensor:
        return self.function(inputs)


def linear(inputs: Tensor) -> Tensor:
    return inputs @ WEIGHTS


def asked(module: nn.Module, inputs: FloatArray = INPUTS, clean: FloatArray | None = None) -> Repetition:
    with torch.no_grad():
        predicted = module(torch.from_numpy(inputs)).argmax(1).numpy()
    return repeated(module, inputs, inputs if clean is None else clean, predicted, 0, "cpu")


SOUND: dict[str, Forward] = {
    "linear": linear,
    "large": lambda x: 1e6 * linear(x),
    "far from zero": lambda x: linear(x) + 1e5,
    "small": lambda x: 1e-9 * linear(x),
    "masked": lambda x: torch.cat([linear(x), torch.full((len(x), 1), -1e9)], 1),
    "masked by infinity": lambda x: torch.cat([linear(x), torch.full((len(x), 1), -math.inf)], 1),
    "rough": lambda x: linear((x * 8).round() / 8 + 1e-3 * torch.sin(3e3 * x)),
    "constant": lambda x: torch.zeros(len(x), 3),
    "nothing but NaN": lambda x: torch.full((len(x), 3), math.nan),
    "outside torch": lambda x: torch.from_numpy(x.numpy() @ WEIGHTS.numpy()),
    "in place": lambda x: linear(x.mul_(2)),
    "in float64": lambda x: x.double() @ WEIGHTS.double(),
    "in bfloat16": lambda x: (x.bfloat16() @ WEIGHTS.bfloat16()).float(),
}


@pytest.mark.parametrize("function", SOUND.values(), ids=SOUND)
def test_what_is_sound_stays_what_it_is(function: Forward) -> None:
    before = INPUTS.copy()
    module = Built(lambda x: function(x.clone()))
    assert asked(module) == Repetition(N, 0, 0, 0, 0)
    np.testing.assert_array_equal(INPUTS, before)


@pytest.mark.parametrize("kind", ["linear", "fnn", "quadratic", "rbm", "convnet", "qvc", "qnn"])
def test_our_own_models_are_sound(kind: str) -> None:
    info = InputInfo((1, 8, 8), ("a", "b"), Bounds(0.0, 1.0))
    if kind == "convnet":
        info = info._replace(shape=(1, 28, 28))
    if kind == "qnn":
        info = info._replace(shape=(4,))
    layers = {"layers": 2} if kind in ("qvc", "qnn") else {}
    module = ModelPart.model_validate({"kind": kind, **layers}).build(info, 0).eval().requires_grad_(False)
    inputs = np.random.default_rng(0).random((20, *info.shape)).astype(np.float32)
    assert asked(module, inputs) == Repetition(20, 0, 0, 0, 0)


def test_images_on_the_boundary_are_decided_by_rounding_and_not_held_against_a_model() -> None:
    """A minimising attack ends there: the scale is that of clean images."""
    logits = INPUTS @ WEIGHTS.numpy()
    direction = (WEIGHTS[:, 0] - WEIGHTS[:, 1]).numpy()
    shift = (logits[:, 0] - logits[:, 1]) / (direction @ direction)
    edge = (INPUTS - shift[:, None] * direction).astype(np.float32)
    assert asked(Built(linear), edge, INPUTS) == Repetition(N, 0, 0, 0, 0)


class Counter(Built):
    """Another answer at every other call."""

    calls = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        return linear(inputs) * (1 if self.calls % 2 else -1)


class Forgets(nn.Module):
    """An ``eval()`` that does nothing: dropout stays on."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.3)

    def train(self, mode: bool = True) -> Forgets:  # noqa: ARG002
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        dropped: Tensor = self.drop(inputs)
        return linear(dropped)


class Undeclared(Built):
    """Declares draws, reseeds nothing."""

    is_randomised = True

    def reseed(self, seed: int) -> None:
        pass


def noisy(inputs: Tensor) -> Tensor:
    return linear(inputs + 0.1 * torch.randn_like(inputs))


def shots(inputs: Tensor) -> Tensor:
    return (torch.rand((100, *linear(inputs).shape)) < torch.sigmoid(linear(inputs))).float().mean(0)


def off_the_grid(inputs: Tensor) -> Tensor:
    off = ((inputs * 16 - (inputs * 16).round()).abs().amax(1) > 1e-4)[:, None]
    return torch.where(off, noisy(inputs), linear(inputs))


RANDOM: dict[str, nn.Module] = {
    "noise": Built(noisy),
    "noise of numpy": Built(lambda x: linear(x + torch.from_numpy(np.random.rand(*x.shape)).float())),  # noqa: NPY002
    "noise of random": Built(lambda x: linear(x) * torch.tensor([random.random() for _ in range(3)])),
    "dropout": Forgets().eval(),
    "shots": Built(shots),
    "off the grid": Built(off_the_grid),
    "a counter": Counter(linear),
    "declared but not reseeded": Undeclared(noisy),
    "threads": Built(lambda x: linear(x) * (1 + torch.get_num_threads())),
    "gradients": Built(lambda x: linear(x) * (2 if torch.is_grad_enabled() else 1)),
}


@pytest.mark.parametrize("module", RANDOM.values(), ids=RANDOM)
def test_what_draws_or_keeps_a_state_is_found(module: nn.Module) -> None:
    found = asked(module)
    assert found.logits_again > 0.05 * N


def normalised(inputs: Tensor) -> Tensor:
    return linear((inputs - inputs.mean(0)) / (inputs.std(0) + 1e-3))


COMPANY: dict[str, Forward] = {
    "batch normalisation": normalised,
    "mean of the batch": lambda x: linear(x - x.mean(0)),
    "largest of the batch": lambda x: linear(x / x.max()) + x.max(),
    "the neighbour": lambda x: linear(x + 0.2 * x.roll(1, 0)),
    "not alone": lambda x: linear(x).squeeze(),
    "only many": lambda x: linear(x) if len(x) > 30 else linear(x).neg(),
    "refuses few": lambda x: linear(x) if len(x) > 4 else linear(x[:, :3]),
    "the first of each batch": lambda x: linear(x) * (1 + 2.0 * (torch.arange(len(x)) == 0))[:, None],
}


@pytest.mark.parametrize("function", COMPANY.values(), ids=COMPANY)
def test_what_looks_at_its_neighbours_is_found(function: Forward) -> None:
    found = asked(Built(function))
    assert found.logits_again == 0
    assert found.logits_apart > 0.05 * N or found.classes_apart > 0.01 * N


class Drawn(Built):
    """A declared one: draws start anew from the seed."""

    is_randomised = True

    def reseed(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, inputs: Tensor) -> Tensor:
        return linear(inputs + 0.5 * torch.randn(inputs.shape, generator=self.generator))


def test_declared_draws_are_no_fault() -> None:
    module = Drawn(linear)
    module.reseed(0)
    assert asked(module) == Repetition(N, 0, 0, 0, 0)


def test_evidence_from_another_batch_counts_too() -> None:
    predicted = (INPUTS @ WEIGHTS.numpy()).argmax(1)
    predicted[5] = (predicted[5] + 1) % 3
    found = repeated(Built(linear), INPUTS, INPUTS, predicted, 0, "cpu")
    assert found == Repetition(N, 0, 0, 1, 1)


def generators() -> tuple[str, str, str, int]:
    states = torch.random.get_rng_state().tolist(), np.random.get_state(), random.getstate()  # noqa: NPY002
    return repr(states[0]), repr(states[1]), repr(states[2]), torch.get_num_threads()


def test_the_global_generators_and_the_threads_are_left_as_they_were() -> None:
    before = generators()
    repeated(Built(noisy), INPUTS, INPUTS, np.zeros(N, dtype=np.int64), 0, "cpu")
    assert generators() == before


def test_the_sample_is_spread_and_has_a_batch_of_one() -> None:
    assert spread(1000, 5).tolist() == [0, 250, 500, 749, 999]
    assert spread(3, 100).tolist() == [0, 1, 2]
    assert PARTS[0] == 1
