"""Channels in circuits agree with PennyLane's ``default.mixed``, in values, gradients and observables."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from qaml.quantum.circuit import Channel
from qaml.quantum.density import observables, probabilities
from qaml.quantum.reference import reference
from qaml.quantum.statevector.readout import z_signs
from tests.models.circuit.examples import info_of, module_of
from tests.quantum.circuits import assert_same, gradients

LAYERS: list[Any] = [{"repeat": 2, "block": [{"rot": "all"}, {"cnot": "chain"}]}]
CHANNELS: list[Any] = [
    {"kind": "depolarising", "probability": 0.1},
    {"kind": "amplitude_damping", "gamma": 0.2},
    {"kind": "bit_flip", "probability": 0.05},
    {"kind": "phase_flip", "probability": 0.3},
    {"kind": "pauli", "px": 0.1, "pz": 0.2},
    {"kind": "gaussian_rotation", "sigma": 0.4},
]
INPUTS = torch.rand(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    "fields",
    [
        {"layers": [{"encode": "amplitude"}, *LAYERS, {"noise": CHANNELS, "on": [1]}]},
        {"layers": [{"encode": "amplitude"}, *LAYERS], "channels": {"cnot": CHANNELS[:1], "rot": CHANNELS[1:2]}},
        {"layers": [{"rot": "all", "angles": {"affine": "dense"}}, {"noise": CHANNELS[:2]}, *LAYERS]},
    ],
    ids=["on a wire", "after gates", "before features"],
)
def test_values_and_gradients(fields: Any) -> None:
    module = module_of({"wires": 2, "readout": {"z": [0, 1]}, **fields}, info_of(4))
    inputs = INPUTS.clone().requires_grad_()
    arrays = [module.angles, module.weights_of_features, inputs]
    features, draws = module.arguments(inputs)
    ours, theirs = module(inputs), reference(module.described())(module.weights, features, draws)
    assert_same(ours, theirs)
    assert_same(gradients(ours, arrays), gradients(theirs, arrays))


def test_each_channel_is_where_it_is_written() -> None:
    fields = {"layers": [{"encode": "amplitude"}, {"cz": [[0, 1]]}], "channels": {"cz": CHANNELS[:1]}}
    found = module_of(fields, info_of(4)).described().operations[1:]
    assert found == (Channel("depolarising", (0,), (0.1,)), Channel("depolarising", (1,), (0.1,)))


def test_observables_behind_channels() -> None:
    fields = {"layers": [{"encode": "amplitude"}, *LAYERS, {"noise": CHANNELS}], "readout": {"parity": "all"}}
    module = module_of(fields, info_of(4))
    circuit = module.described()
    back = observables(circuit, module.weights, z_signs(4, [0, 1], INPUTS).T).real
    forwards = probabilities(circuit, module.weights, INPUTS) @ z_signs(4, [0, 1], INPUTS)
    states = INPUTS / torch.linalg.vector_norm(INPUTS, dim=1, keepdim=True)
    assert_same(torch.einsum("bi,kij,bj->bk", states, back, states), forwards)
    logits = module(INPUTS)
    assert_same(torch.einsum("bi,kij,bj->bk", states, module.observables(), states), logits)  # type: ignore[operator]
    collapsed = module.eval().requires_grad_(False)(INPUTS.repeat(3, 1))
    assert module._fixed is not None
    assert module._fixed.collapsed is not None
    assert_same(collapsed, logits.repeat(3, 1))
