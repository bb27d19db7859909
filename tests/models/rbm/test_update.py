"""The two ways of updating parameters, against torch's optimisers and against each other."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from qaml.errors import PartError
from qaml.models.base import Hooks, Training
from qaml.models.rbm.device import TensorUpdate
from qaml.models.rbm.kernel import adam, sgd
from qaml.models.rbm.network import RBMClassifier
from qaml.models.rbm.part import RBM
from qaml.models.rbm.training import ArrayUpdate, make_update
from qaml.models.rbm.update import Update
from qaml.samplers.base import BoltzmannParameters
from qaml.samplers.exact.enumeration import ExactPhase
from qaml.samplers.gibbs.device import TensorChains, tensor_moments
from qaml.samplers.gibbs.part import PersistentContrastiveDivergence, PersistentPhase
from qaml.types import Bounds, FloatArray, InputInfo, Split

SETTINGS = [
    Training(optimiser="adam", lr=0.03),
    Training(optimiser="adam", lr=0.03, weight_decay=0.1),
    Training(optimiser="sgd", lr=0.2, momentum=0.9, weight_decay=0.1),
]


def torch_steps(training: Training, start: Any, gradients: Any) -> FloatArray:
    parameter = torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimiser: torch.optim.Optimizer
    if training.optimiser == "adam":
        optimiser = torch.optim.Adam([parameter], training.lr, weight_decay=training.weight_decay)
    else:
        optimiser = torch.optim.SGD([parameter], training.lr, training.momentum, weight_decay=training.weight_decay)
    for gradient in gradients:
        parameter.grad = torch.from_numpy(gradient)
        optimiser.step()
    return parameter.detach().numpy()


@pytest.mark.parametrize("training", SETTINGS, ids=["adam", "adam-decay", "sgd-momentum-decay"])
def test_fused_optimisers_follow_torch(training: Training) -> None:
    rng = np.random.default_rng(0)
    start = rng.standard_normal(37).astype(np.float32)
    positive, negative = rng.random((2, 20, 37)).astype(np.float32)
    ours, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step, (data, model) in enumerate(zip(positive, negative, strict=True), 1):
        if training.optimiser == "adam":
            adam(ours, data, model, first, second, training.lr, training.weight_decay, step)
        else:
            sgd(ours, data, model, first, training.lr, training.weight_decay, training.momentum)
    np.testing.assert_allclose(ours, torch_steps(training, start, negative - positive), rtol=2e-5, atol=2e-6)
    assert np.abs(ours - start).max() > 0.1


class ExactTensors(ExactPhase):
    """Enumeration for tensors that live on the CPU."""

    def __init__(self) -> None:
        super().__init__("tensors on the CPU")
        self._device = "cpu"

    def moments(self, parameters: Any, batch: Any) -> Any:
        arrays = BoltzmannParameters(*(p.numpy() for p in parameters))
        return tuple(torch.from_numpy(m) for m in super().moments(arrays, batch))


def machine() -> RBMClassifier:
    module = RBMClassifier(5, 2, 4)
    with torch.no_grad():
        module.weights.normal_(0, 0.5, generator=torch.Generator().manual_seed(0))
    return module


@pytest.mark.parametrize("training", SETTINGS, ids=["adam", "adam-decay", "sgd-momentum-decay"])
def test_array_and_tensor_updates_make_the_same_machine(training: Training) -> None:
    batches = torch.rand(15, 6, 7, generator=torch.Generator().manual_seed(1))
    fused, plain = machine(), machine()
    updates = ArrayUpdate(fused, training, ExactPhase("cpu")), TensorUpdate(plain, training, ExactTensors())
    for batch in batches:
        for update in updates:
            update.step(batch)
    for name in BoltzmannParameters._fields:
        torch.testing.assert_close(getattr(fused, name), getattr(plain, name), rtol=1e-4, atol=1e-5)
        assert (getattr(fused, name) - getattr(machine(), name)).abs().max() > 0.05


def test_exact_updates_raise_the_likelihood() -> None:
    module = machine()
    data = (torch.rand(40, 7, generator=torch.Generator().manual_seed(2)) < 0.2).float()
    update = ArrayUpdate(module, Training(optimiser="sgd", lr=0.1), ExactPhase("cpu"))

    def log_likelihood() -> float:
        states = torch.tensor([[float(k >> i & 1) for i in range(7)] for k in range(128)])
        log_z = torch.logsumexp(-module.free_energy(states), 0)
        return float((-module.free_energy(data).mean() - log_z).detach())

    curve = [log_likelihood()]
    for _ in range(20):
        for _ in range(5):
            update.step(data)
        curve.append(log_likelihood())
    assert all(later > earlier for earlier, later in pairwise(curve))


def test_tensor_moments_are_those_of_numpy() -> None:
    module = machine()
    visible = torch.rand(3, 7, generator=torch.Generator().manual_seed(3))
    values = BoltzmannParameters(*(getattr(module, name).detach() for name in BoltzmannParameters._fields))
    hidden = torch.sigmoid(visible @ values.weights + values.hidden_bias)
    moments = tensor_moments(values, visible)
    torch.testing.assert_close(moments.products, torch.einsum("ni,nj->ij", visible, hidden) / 3)
    torch.testing.assert_close(moments.hidden, hidden.mean(0))


def test_only_a_float32_machine_of_the_part_is_trained() -> None:
    info = InputInfo((5,), ("a", "b"), Bounds(0.0, 1.0))
    data = Split(np.zeros((2, 5), np.float32), np.zeros(2, np.int64), np.arange(2))
    with pytest.raises(PartError, match="float32"):
        RBM().fit(machine().double(), data, info, Hooks(), 0)


@pytest.mark.parametrize("backend", ["arrays", "torch"])
def test_estimates_leave_the_machine_as_it_is(backend: str) -> None:
    part = RBM(hidden=4, negative_phase=PersistentContrastiveDivergence(sweeps=2, chains=6))
    module = RBMClassifier(5, 2, 4)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    update: Update = make_update(part, module, 0)
    if backend == "torch":
        sampler: PersistentPhase[torch.Tensor] = PersistentPhase(TensorChains(7, 4, (1.0,) * 6, 0, "cpu"), 2, 6)
        update = TensorUpdate(module, part.training, sampler)
    found = update.estimates([torch.ones(3, 7), torch.zeros(3, 7)])
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert found["products"].shape == (2, 7, 4)
    assert found["draws"].tolist() == [6, 6]
    assert found["samples"].shape == (12, 7)
    np.testing.assert_allclose(found["samples"].reshape(2, 6, 7).mean(1), found["visible"], atol=1e-6)
    assert update.calls() is None
