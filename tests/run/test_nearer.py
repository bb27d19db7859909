"""The smallest perturbations that the diagnostics know: exact, or found by other attacks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from qaml.attacks.minimisation.part import CarliniWagner, DeepFool
from qaml.models.linear.network import LinearClassifier
from qaml.quantum.distance.box import hyperplane_in_box
from qaml.run.classifier import target
from qaml.run.steps.nearer import smallest_norms
from qaml.types import Bounds, InputInfo
from qaml.vocab import Norm

INFO = InputInfo((12,), ("a", "b", "c"), Bounds(0.0, 1.0))


def inputs(n: int = 30) -> torch.Tensor:
    drawn = torch.rand(n, 12, generator=torch.Generator().manual_seed(4))
    return torch.where(drawn < 0.4, 0.0, drawn)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_linear_model_has_the_distance_itself(norm: Norm) -> None:
    torch.manual_seed(3)
    module = LinearClassifier(12, 3).eval().requires_grad_(False)
    labels = module(inputs()).argmax(1)
    weights, bias = (parameter.double().numpy() for parameter in module.output.parameters())
    exact = hyperplane_in_box(weights, bias, inputs().double().numpy(), labels.numpy(), INFO.bounds, norm)
    np.testing.assert_array_equal(smallest_norms(module, INFO, inputs(), labels, norm, 0), exact)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_others_have_what_two_attacks_find(norm: Norm) -> None:
    torch.manual_seed(3)
    module = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 3)).eval().requires_grad_(False)
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(3)
    labels = module(inputs()).argmax(1)
    found = smallest_norms(module, INFO, inputs(), labels, norm, 0)
    first = DeepFool(norm=norm).run(target(module, INFO), inputs(), labels, 0, lambda _: None).norms
    assert first is not None
    assert (found <= first).all()
    assert (found < first).any()
    if norm == "l2":
        best = CarliniWagner().run(target(module, INFO), inputs(), labels, 0, lambda _: None).norms
        assert best is not None
        both = np.isfinite(best) & np.isfinite(found)
        assert np.median(found[both] / best[both]) < 1.03
