"""The plain networks behind the zoo: small datasets, one training each, weights in a file."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from qaml.data.base import DATASETS, load
from qaml.types import Bounds, Data
from qaml.vocab import Norm
from tests.campaign.zoo import Net, make


class Field(NamedTuple):
    """A dataset of the campaign, and the budgets at which plain networks keep a part of their accuracy.

    Attributes:
        spec: as in a suite; all its test examples are measured.
        grid: steps per unit that clean inputs are multiples of; 0 for none.
        epsilon: a budget a norm.
        is_real: whether it needs files.
    """

    spec: dict[str, Any]
    grid: int
    epsilon: dict[Norm, float]
    epochs: int = 30
    is_real: bool = False


def _small(kind: str) -> dict[str, Any]:
    return {"kind": kind, "transforms": [{"kind": "subset", "train": 3000, "test": 250}]}


FIELDS: dict[str, Field] = {
    "digits": Field({"kind": "digits", "test": 300}, 16, {"linf": 0.1, "l2": 0.6}),
    "moons": Field({"kind": "moons", "noise": 0.15, "test_share": 0.25}, 0, {"linf": 0.35, "l2": 0.45}),
    "tumours": Field({"kind": "campaign/tumours"}, 0, {"linf": 0.06, "l2": 0.25}),
    "mnist": Field(_small("mnist"), 255, {"linf": 0.05, "l2": 0.9}, 12, is_real=True),
    "fashion": Field(_small("fashion_mnist"), 255, {"linf": 0.04, "l2": 0.7}, 12, is_real=True),
}


class Plain(NamedTuple):
    """A trained plain network with its test data.

    Attributes:
        arguments: of ``zoo.make``, without ``how``.
        weights: the file with the whole state of a ``Net``.
    """

    field: str
    arguments: dict[str, Any]
    weights: Path
    inputs: Tensor
    labels: Tensor
    bounds: Bounds
    classes: int

    def masked(self, how: str) -> Net:
        """A fresh module, as qaml will be given it."""
        module = make(how, **self.arguments)
        module.load_state_dict(load_file(self.weights))
        return module.eval().requires_grad_(False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.weights.read_bytes()).hexdigest()


@cache
def data(field: str) -> Data:
    spec = FIELDS[field].spec
    return load(DATASETS.base_class.model_validate(spec))


@cache
def plain(field: str, net: str, folder: Path) -> Plain:
    """Train the network once, or take its weights from the folder."""
    loaded, about = data(field), FIELDS[field]
    info = loaded.info
    arguments: dict[str, Any] = {"net": net, "features": info.n_features, "classes": info.n_classes, "grid": about.grid}
    arguments["side"] = info.shape[-1]
    path = folder / f"{field}-{net}.safetensors"
    if not path.exists():
        torch.manual_seed(0)
        module = make("plain", **arguments)
        train(module, torch.from_numpy(loaded.train.inputs), torch.from_numpy(loaded.train.labels), about.epochs)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(module.state_dict(), path)
    tensors = torch.from_numpy(loaded.test.inputs.copy()), torch.from_numpy(loaded.test.labels.copy())
    return Plain(field, arguments, path, *tensors, info.bounds, info.n_classes)


def train(module: Net, inputs: Tensor, labels: Tensor, epochs: int) -> None:
    """Adam on cross-entropy."""
    optimiser = torch.optim.Adam(module.layers.parameters(), lr=3e-3)
    module.train()
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(labels)), 64):
            optimiser.zero_grad()
            functional.cross_entropy(module(inputs[chosen]), labels[chosen]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    module.eval()
