"""Channels on more than six wires: trajectories agree with averages within their error, and the draws are a seed's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from qaml.identical import Identical
from qaml.quantum import density, trajectories
from qaml.quantum.circuit import Channel, Circuit
from qaml.quantum.reference import reference
from qaml.quantum.statevector.readout import z_signs
from qaml.testing.models import check_model
from tests.models.circuit.examples import info_of, module_of, part_of
from tests.models.circuit.test_noise import CHANNELS
from tests.quantum.circuits import assert_same

DAMPING = CHANNELS[1]
PAULIS = [channel for channel in CHANNELS if channel != DAMPING]
REUPLOADING: dict[str, Any] = {
    "wires": 7,
    "layers": [{"repeat": 2, "block": [{"rot": "all", "angles": {"affine": "dense"}}, {"cnot": "ring"}]}],
    "channels": {"cnot": [{"kind": "depolarising", "probability": 0.1}]},
    "readout": {"z": [0, 3]},
}
INPUTS = torch.rand(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def _estimates(module: Any, inputs: Tensor, repeats: int, count: int) -> tuple[Tensor, Tensor]:
    """Values and gradients of repeated estimates, (repeats, …) each, and the exact ones behind them."""
    arrays = [module.angles, module.weights_of_features, inputs]
    circuit, signs = module.described(), z_signs(2**module.lowered.circuit.n_wires, [0, 1], inputs)
    generator = torch.Generator().manual_seed(7)

    def numbers(found: Tensor) -> Tensor:
        values = found @ signs
        gradients = torch.autograd.grad((values * torch.tensor([1.0, -0.7])).sum(), arrays, allow_unused=True)
        return torch.cat([values.flatten().detach(), *(each.flatten() for each in gradients if each is not None)])

    features, draws = module.arguments(inputs)
    exact = numbers(density.probabilities(circuit, module.weights, features, draws))
    drawn = []
    for _ in range(repeats):
        features, draws = module.arguments(inputs)
        drawn.append(numbers(trajectories.probabilities(circuit, module.weights, features, draws, count, generator)))
    return torch.stack(drawn), exact


DENSE: dict[str, Any] = {"rot": "all", "angles": {"affine": "dense"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"layers": [{"encode": "amplitude"}, DENSE, {"noise": PAULIS}, {"ry": "all"}]},
        {"layers": [DENSE, {"cnot": "chain"}, DENSE, {"ry": "all"}], "channels": {"rot": [DAMPING], "ry": PAULIS[:1]}},
    ],
    ids=["errors", "damping"],
)
def test_values_and_gradients_are_unbiased(fields: dict[str, Any]) -> None:
    module = module_of({"wires": 2, "readout": {"z": [0, 1]}, **fields}, info_of(3))
    drawn, exact = _estimates(module, INPUTS.clone().requires_grad_(), repeats=100, count=100)
    error = drawn.std(0) / 10
    assert ((drawn.mean(0) - exact).abs() <= 4 * error + 1e-12).all()
    assert float(error.mean()) < 0.01


def test_seven_wires_against_a_density_matrix_of_pennylane() -> None:
    module = module_of(REUPLOADING, info_of(3)).eval().requires_grad_(False)
    assert module.is_randomised
    features, draws = module.arguments(INPUTS[:1])
    exact = reference(module.described())(module.weights, features, draws)
    module.reseed(5)
    drawn = torch.stack([module(INPUTS[:1]) for _ in range(60)])
    assert ((drawn.mean(0) - exact).abs() <= 4 * drawn.std(0) / 60**0.5).all()
    assert float(drawn.std(0).max()) < 0.2  # 16 trajectories of a value within [-1, 1]


@pytest.mark.parametrize("first", [{"encode": "amplitude"}, {"encode": "angle"}])
def test_without_features_behind_channels_values_are_exact(first: dict[str, Any]) -> None:
    noise = {"noise": [CHANNELS[0], DAMPING], "on": [2, 6]}
    fields = {"wires": 7, "layers": [first, {"cnot": "ring"}, noise, {"ry": "all"}], "readout": {"z": [6, 2]}}
    module = module_of(fields, info_of(7)).eval()
    assert not module.is_randomised
    assert not part_of(**fields).is_randomised
    inputs = torch.rand(2, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    features, draws = module.arguments(inputs[:1])
    exact = reference(module.described())(module.weights, features, draws)
    with torch.no_grad():
        assert_same(module(inputs)[:1], exact)
    assert module.train().is_randomised
    drawn = torch.stack([module(inputs[:1]).detach() for _ in range(20)])
    assert ((drawn.mean(0) - exact).abs() <= 4 * drawn.std(0) / 20**0.5).all()


def test_draws_are_those_of_the_seed_and_training_resumes() -> None:
    layers = [DENSE, {"noise": [CHANNELS[0]]}, {"noise": [DAMPING], "on": 1}, DENSE]
    training = {"epochs": 2, "batch": 32}
    check_model(part_of(wires=7, layers=layers, readout={"z": [0, 1]}, trajectories=2, training=training), info_of(3))


def test_an_image_has_its_draws_whatever_comes_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of(REUPLOADING, info_of(3)).eval()

    def logits(inputs: Tensor) -> Tensor:
        module.reseed(1)
        found: Tensor = module(inputs)
        return found

    whole = logits(INPUTS)
    assert_same(logits(INPUTS[:1]), whole[:1])
    monkeypatch.setattr(trajectories, "MOST_DRAWS", 1)  # each sample is a piece of its own
    assert_same(logits(INPUTS), whole)


def test_each_error_of_a_channel_is_as_often_as_it_says() -> None:
    channel = Channel("pauli", (0,), (0.1, 0.2, 0.3))
    circuit = Circuit(1, "zero", (channel,), (0,))
    own = trajectories._unravelled(Identical(circuit))
    uniform = (torch.arange(1000, dtype=torch.float64)[:, None] + 0.5) / 1000
    flips = own.errors(uniform).long()
    assert torch.bincount(flips @ torch.tensor([2, 1])).tolist() == [400, 300, 100, 200]
