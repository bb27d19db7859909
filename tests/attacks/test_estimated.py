"""Gradients that an attacker estimates from evaluations of a circuit, exact or from shots, and their cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.attacks.base import AttackResult, Target
from qaml.attacks.estimated import PARAMETER_SHIFT, Meter, estimated, finite_difference
from qaml.attacks.gradient.part import BIM, FGSM, PGD
from qaml.models.circuit.network import CircuitClassifier
from qaml.models.qvc.network import VariationalClassifier
from qaml.models.seeding import seeded
from qaml.types import Bounds
from tests.models.circuit.examples import info_of, module_of
from tests.models.one_wire.examples import qnn

LAYERS: list[Any] = [
    {"rot": "all", "angles": {"affine": "dense"}},
    {"crx": [[0, 1]], "angles": {"affine": "each", "features": [0]}},
    {"ry": "all"},
    {"cnot": "chain"},
]
CIRCUITS = 1 + 2 * 6 + 4
"""The value, two for each of six dense angles, four for the controlled one; trained angles alone are not shifted."""
READOUTS: dict[str, Any] = {
    "values": {"z": [0, 1]},
    "parity": {"parity": "all", "log": True},
    "shares": {"probabilities": [1], "renormalise": True},
    "head": {"z": "all", "head": True},
}
INPUTS = torch.rand(4, 3, generator=torch.Generator().manual_seed(2))
LABELS = torch.tensor([0, 1, 1, 0])
UNIT = Bounds(0.0, 1.0)


def circuit(readout: str = "values", layers: Any = LAYERS) -> CircuitClassifier:
    fields = {"wires": 2, "layers": layers, "readout": READOUTS[readout], "logit_scale": 2.0}
    return module_of(fields, info_of(3)).float().eval().requires_grad_(False)


def gradient(module: nn.Module, inputs: Tensor) -> Tensor:
    leaf = inputs.clone().requires_grad_()
    loss = nn.functional.cross_entropy(module(leaf), LABELS[: len(inputs)], reduction="sum")
    return torch.autograd.grad(loss, leaf)[0]


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("encoding", ["angles", "amplitudes"])
def test_without_shots_they_are_the_gradients(readout: str, encoding: str) -> None:
    module = circuit(readout, LAYERS if encoding == "angles" else [{"encode": "amplitude"}, *LAYERS[2:]]).double()
    inputs = INPUTS.double()
    exact = gradient(module, inputs)
    torch.testing.assert_close(gradient(estimated(module, finite_difference(1e-4)), inputs), exact, rtol=0, atol=1e-6)
    if encoding == "angles":
        torch.testing.assert_close(gradient(estimated(module, PARAMETER_SHIFT), inputs), exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("rule", [PARAMETER_SHIFT, finite_difference(0.5)], ids=["shift", "difference"])
def test_shots_scatter_around_them(rule: Any) -> None:
    module = circuit("values")

    def of_first(view: nn.Module) -> Tensor:  # linear in the shares, so that nothing but chance is left
        leaf = INPUTS.clone().requires_grad_()
        return torch.autograd.grad(view(leaf)[:, 0].sum(), leaf)[0]

    exact, meter = of_first(estimated(module, rule)), Meter(200)
    with seeded(1):
        drawn = torch.stack([of_first(estimated(module, rule, meter)) for _ in range(60)])
    assert ((drawn.mean(0) - exact).abs() <= 4 * drawn.std(0) / 60**0.5).all()
    assert (drawn.std(0) > 0.01).all()
    assert meter.circuits == 60 * (CIRCUITS if rule == PARAMETER_SHIFT else 1 + 2 * 3)


def test_a_variational_classifier_has_differences() -> None:
    with seeded(0):
        module = VariationalClassifier(3, 2, 2, 3).double().eval().requires_grad_(False)
    view, inputs = estimated(module, finite_difference(1e-4)), INPUTS.double()
    torch.testing.assert_close(gradient(view, inputs), gradient(module, inputs), rtol=0, atol=1e-6)


def attacked(part: Any, module: nn.Module, seed: int = 3) -> AttackResult:
    result: AttackResult = part.run(Target(module, UNIT, 2), INPUTS, LABELS, seed, lambda _: None)
    return result


def test_an_attack_counts_circuits_and_shots() -> None:
    settings: dict[str, Any] = {"epsilon": (0.0, 0.1, 0.2), "gradient": "parameter_shift"}
    exact = attacked(BIM(steps=3, **settings), circuit())
    plain = attacked(BIM(steps=3, epsilon=(0.0, 0.1, 0.2)), circuit())
    np.testing.assert_allclose(exact.adversarials, plain.adversarials, atol=1e-6)
    assert plain.queries is None
    assert exact.queries is not None
    assert exact.queries.tolist() == [[0] * 4, [3 * CIRCUITS] * 4, [3 * CIRCUITS] * 4]
    assert exact.spent is None
    drawn = attacked(BIM(steps=3, shots=50, **settings), circuit())
    assert drawn.spent is not None
    assert drawn.spent.tolist() == (50 * exact.queries).tolist()
    assert (drawn.adversarials != exact.adversarials).any()
    assert (attacked(BIM(steps=3, shots=50, **settings), circuit()).adversarials == drawn.adversarials).all()
    assert (attacked(BIM(steps=3, shots=50, **settings), circuit(), seed=4).adversarials != drawn.adversarials).any()
    once = attacked(FGSM(shots=50, **settings), circuit())
    assert once.queries is not None
    assert once.queries.sum(0).tolist() == [CIRCUITS] * 4


def test_further_starts_cost_only_what_is_not_fooled() -> None:
    part = PGD(epsilon=(0.3,), steps=2, restarts=3, gradient="finite_difference", shots=100)
    found = attacked(part, circuit())
    assert found.queries is not None
    one = 2 * (1 + 2 * 3)
    assert set(found.queries[0].tolist()) <= {one, 2 * one, 3 * one}
    held = found.queries[0] == 3 * one
    assert (~found.claimed[0] <= held).all()


def test_a_measured_wire_has_shots_too() -> None:
    module = qnn(3, 3, 1).float().eval().requires_grad_(False)
    inputs = torch.rand(4, module.n_wires, generator=torch.Generator().manual_seed(1))
    part = BIM(epsilon=(0.1,), steps=2, gradient="parameter_shift", shots=64)
    found = part.run(Target(module, UNIT, 2), inputs, LABELS, 0, lambda _: None)
    assert found.queries is not None
    assert found.queries.tolist() == [[2 * (1 + 2 * module.n_wires)] * 4]


def test_an_input_without_a_state_has_no_counts() -> None:
    shares = Meter(10).shares(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
    assert shares.tolist() == [[0.0, 0.0], [1.0, 0.0]]
