"""Small inputs and one small example of every registered model that is trained by gradient descent."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from qaml.models.base import MODELS, Checkpoint, Hooks, ModelPart
from qaml.types import Bounds, InputInfo, Split

GREY = InputInfo((1, 8, 8), ("a", "b", "c"), Bounds(0.0, 1.0))
COLOUR = InputInfo((3, 8, 8), ("a", "b", "c"), Bounds(-1.0, 1.0))
ODD = InputInfo((1, 7, 7), ("a", "b"), Bounds(0.0, 1.0))

TRAINING: Mapping[str, Any] = {"epochs": 4, "batch": 16, "lr": 0.01}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "convnet": {"channels": [8, 16, 16], "hidden": 16},
    "resnet18": {"width": 4},
    "fnn": {},
    "huang_cnn": {"padding": "same"},
    "linear": {},
    "quadratic": {},
    "torch_module": {"factory": "tests.models.user_module:Network"},
}
"""Kind → fields; a registered kind without an example fails the conformance tests."""


def model(kind: str, **fields: Any) -> ModelPart:
    """The example of a kind, with some fields changed."""
    import json

    return MODELS.load(kind).model_validate_json(
        json.dumps({"kind": kind, "training": dict(TRAINING), **EXAMPLES[kind], **fields})
    )


def blobs(info: InputInfo, n: int = 49, seed: int = 0) -> Split:
    """Noisy copies of one random pattern a class: easy to learn, impossible to get right by chance."""
    rng = np.random.default_rng(seed)
    low, high = info.bounds
    patterns = np.random.default_rng(1).uniform(low, high, (info.n_classes, *info.shape))
    labels = rng.integers(info.n_classes, size=n)
    inputs = patterns[labels] + rng.normal(0, 0.1, (n, *info.shape)) * (high - low)
    return Split(inputs.clip(low, high).astype(np.float32), labels.astype(np.int64), np.arange(n))


class Recorder(Hooks):
    """Keeps every checkpoint and every report of progress; starts from a checkpoint if it is given one."""

    def __init__(self, start: Checkpoint | None = None) -> None:
        self.start = start
        self.checkpoints: list[Checkpoint] = []
        self.reports: list[tuple[float, float]] = []

    def restore(self) -> Checkpoint | None:
        return self.start

    def save(self, checkpoint: Checkpoint) -> None:
        self.checkpoints.append(copy.deepcopy(checkpoint))

    def progress(self, done: float, total: float, **values: float) -> None:
        assert set(values) == {"loss", "accuracy"}
        self.reports.append((done, total))


def weights(module: nn.Module) -> dict[str, np.ndarray[Any, Any]]:
    """Weights and buffers as arrays, copied."""
    return {name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()}


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    """Every weight and buffer, bit for bit."""
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


class GlobalDraws:
    """Whether torch's and numpy's global generators are where they were."""

    def __enter__(self) -> GlobalDraws:
        torch.manual_seed(12345)
        np.random.seed(12345)  # noqa: NPY002
        self._before = self._states()
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            assert self._states() == self._before, "a global generator was used"

    @staticmethod
    def _states() -> tuple[bytes, bytes, int]:
        _, keys, position, *_ = np.random.get_state(legacy=True)  # noqa: NPY002
        return torch.get_rng_state().numpy().tobytes(), np.asarray(keys).tobytes(), int(position)
