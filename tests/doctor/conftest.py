"""The digits, and the weights of a network that has learned them, once for all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from qaml.data.digits import Digits
from qaml.models.base import Hooks, ModelPart, Training
from qaml.models.torch_module.part import TorchModule
from qaml.models.weights_part import Weights
from qaml.run.dataset import loaded

NETWORKS, ESTIMATORS = "tests.doctor.networks", "tests.models.own_estimators"
QNODES = "tests.models.user_qnodes"


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", f"{NETWORKS}, {ESTIMATORS}, {QNODES}")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """As in the doctor's own process: several threads wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """The file of a trained ``Network``."""
    from tests.doctor.networks import Network

    data = loaded(Digits()).data
    part = TorchModule(factory=f"{NETWORKS}:Network", training=Training(epochs=12, lr=1e-2, batch=64))
    torch.manual_seed(0)
    module = Network()
    part.fit(module, data.train, data.info, Hooks(), 0)
    path = tmp_path_factory.mktemp("doctor") / "digits.safetensors"
    save_file(module.state_dict(), path)
    return Weights(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def own(weights: Weights) -> Callable[..., ModelPart]:
    """Makes a ``torch_module`` of the networks, trained here or, ``frozen``, with the weights above."""

    def part(name: str, *, frozen: bool = False, **fields: Any) -> ModelPart:
        fields = {"weights": weights} | fields if frozen else fields
        return TorchModule(factory=f"{NETWORKS}:{name}", **fields)

    return part
