"""Attacks on inputs without limits, or with one: a linear classifier's closed form holds them to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from qaml.attacks import AttackPart
from qaml.attacks.autoattack.part import AutoAttack
from qaml.attacks.battery import Battery
from qaml.attacks.geometry import closed_around
from qaml.attacks.gradient.part import BIM, FGSM, MIM, PGD
from qaml.attacks.minimisation.part import CarliniWagner, DeepFool
from qaml.attacks.noise.part import UniformNoise
from qaml.attacks.victim import Shares, Threat, Victim
from qaml.quantum.distance.box import hyperplane_in_box
from qaml.quantum.distance.smallest import hyperplane_l2
from qaml.types import Bounds
from tests.attacks.truth import Problem

OPEN = Bounds(-math.inf, math.inf)
HALF = Bounds(-2.0, math.inf)
SIDES = pytest.mark.parametrize("bounds", [OPEN, HALF], ids=["open", "one side"])


def problem(bounds: Bounds, classes: int = 2, n: int = 20) -> Problem:
    """Inputs between −2 and 2, of a target with other bounds than they were drawn within."""
    made = Problem(classes, (6,), Bounds(-2.0, 2.0), n=n)
    made.target = made.target._replace(bounds=bounds)
    return made


@pytest.mark.parametrize(
    ("attack", "bounds"),
    [
        (FGSM(epsilon=(0.3, 1.0)), OPEN),
        (BIM(epsilon=(0.3, 1.0)), OPEN),
        (PGD(epsilon=(0.3, 1.0), steps=20), OPEN),
        (PGD(epsilon=(0.3, 1.0), steps=20), HALF),
        (MIM(epsilon=(0.3, 1.0)), OPEN),
        (AutoAttack(epsilon=(0.3, 1.0), queries=20, steps=10), OPEN),
        (AutoAttack(epsilon=(0.3, 1.0), queries=20, steps=10, members=("apgd_ce",)), HALF),
        (UniformNoise(epsilon=(0.3, 1.0)), HALF),
        (DeepFool(norm="l2", overshoot=0.005), OPEN),
        (DeepFool(norm="linf", overshoot=0.005), OPEN),
        (CarliniWagner(steps=40, binary_search_steps=6), OPEN),
        (CarliniWagner(variables="tanh", steps=40), OPEN),
        (CarliniWagner(variables="tanh", steps=10, binary_search_steps=4), HALF),
    ],
    ids=lambda value: value.kind if isinstance(value, AttackPart) else value.in_words(),
)
def test_attacks_are_exact_where_a_side_has_no_limit(attack: AttackPart, bounds: Bounds) -> None:
    made = problem(bounds)
    result = made.run(attack)
    assert np.isfinite(result.adversarials).all()
    assert result.adversarials.min() >= bounds.low
    if result.norms is not None and bounds == OPEN:
        radii = made.radii(attack.threat_norm)
        assert (result.norms >= radii * (1 - 1e-4) - 1e-6).all()
        assert np.median(result.norms / radii) < 1.05
    for index, epsilon in enumerate(attack.grid if math.isfinite(attack.grid[0]) else ()):
        fooled = made.fooled(result)[index]
        assert not fooled[made.worst_margins(epsilon * 1.001, attack.threat_norm) > 0].any()
        if attack.is_search:
            assert fooled[made.worst_margins(epsilon * 0.98, attack.threat_norm) < 0].all()


def test_an_open_side_is_used() -> None:
    """Adversarials leave the range of the data, as the same attack within that range cannot."""
    made = problem(OPEN)
    assert made.run(PGD(epsilon=(1.0,), steps=20)).adversarials.max() > 2.5


@SIDES
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_exact_distances_in_an_open_box_are_those_without_it(bounds: Bounds, norm: str) -> None:
    made = problem(bounds, classes=3)
    weights, bias = (each.detach().double().numpy() for each in made.module.parameters())
    weights[:, 2] = 0.0  # a coordinate that no class looks at has infinite room, and is of no use
    inputs, labels = made.inputs.double().numpy(), (made.inputs.double().numpy() @ weights.T + bias).argmax(1)
    found = hyperplane_in_box(weights, bias, inputs, labels, bounds, norm)  # type: ignore[arg-type]
    assert np.isfinite(found).all()
    wide = hyperplane_in_box(weights, bias, inputs, labels, Bounds(bounds.closed(-1e6, 0).low, 1e6), norm)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, wide, rtol=1e-9)
    if bounds == OPEN and norm == "l2":
        np.testing.assert_allclose(found, hyperplane_l2(weights, bias, inputs, labels).norms, rtol=1e-9)


def battery(module: nn.Module, made: Problem, bounds: Bounds) -> Battery:
    def score(inputs: torch.Tensor, rows: torch.Tensor) -> Shares:
        with torch.no_grad():
            right: Shares = (module(inputs).argmax(1) == made.labels[rows]).numpy().astype(np.float32)
        return right

    target = made.target._replace(bounds=bounds, module=module)
    return Battery(Victim(target, score), Threat("linf", 0.3, 0), made.inputs, made.labels)


@SIDES
def test_the_battery_fools_healthy_models_within_the_range_of_their_data(bounds: Bounds) -> None:
    made = problem(bounds, n=30)
    reach = closed_around(bounds, made.inputs).width
    assert battery(made.module, made, bounds).unbounded(reach).max() == 0
    members = battery(made.module, made, bounds)
    members.run(lambda _: None)
    assert all(float((one.adversarials - made.inputs[one.rows]).abs().max()) <= 0.3 + 1e-5 for one in members.made)


def test_an_interval_ends_where_the_inputs_do_and_the_reach_beyond() -> None:
    inputs = torch.tensor([[-1.0, 3.0]])
    assert closed_around(OPEN, inputs, 0.5) == Bounds(-1.5, 3.5)
    assert closed_around(Bounds(0, 1), inputs, 0.5) == Bounds(0, 1)
    assert closed_around(HALF, inputs) == Bounds(-2, 3)
    assert closed_around(OPEN, torch.zeros(2, 2)) == Bounds(0, 1), "constant inputs have no range"
