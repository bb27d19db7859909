"""Small inputs and one small example of every registered model that is trained by gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from qaml.models.base import MODELS, ModelPart
from qaml.testing.material import Recorder, assert_same_arrays, blobs, weights
from qaml.types import Bounds, InputInfo

__all__ = [
    "COLOUR",
    "EXAMPLES",
    "GREY",
    "ODD",
    "TRAINING",
    "GlobalDraws",
    "Recorder",
    "assert_same_weights",
    "blobs",
    "model",
    "weights",
]

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
    "qvc": {"layers": 6, "logit_scale": 10.0},
    "circuit": {
        "layers": [
            {"encode": "amplitude"},
            {"ry": [0, 1]},
            {"cnot": [[0, 1]]},
            {"ry": 0, "angles": {"affine": "dense", "features": [0, [1, 2], 3]}},
        ],
        "readout": {"z": "all", "head": True},
        "logit_scale": 10.0,
    },
    "quanvolution": {
        "wires": 2,
        "layers": [{"rot": "all", "angles": {"affine": "dense"}}, {"cz": "chain"}, {"ry": "all"}],
        "stride": 1,
        "trained": True,
    },
    "dense_memory": {"power": 3, "memories": 30, "temperature": 20.0, "loss_power": 1},
    "torch_module": {"factory": "tests.models.user_module:Network"},
}
"""Kind → fields; a registered kind without an example fails the conformance tests."""


def model(kind: str, **fields: Any) -> ModelPart:
    """The example of a kind, with some fields changed."""
    import json

    return MODELS.load(kind).model_validate_json(
        json.dumps({"kind": kind, "training": dict(TRAINING), **EXAMPLES[kind], **fields})
    )


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    """Every weight and buffer, bit for bit."""
    assert_same_arrays(weights(one), weights(other), "weights")


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
