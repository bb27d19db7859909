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
from qaml.run.steps.nearer import between_images, smallest_norms
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


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_between_images_answers_are_enough(norm: Norm) -> None:
    class Steps(nn.Module):
        """The sum of twelve features, of which no gradient is left."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            total = (x.sum(1) * 16).round() / 16 + 0 * x.sum(1)
            return torch.stack([total, total * 0 + 4.5, total * 0 - 1], 1)

    module, x = Steps(), inputs(200)
    labels = module(x).argmax(1)
    found, distance = between_images(module, x, labels, norm), (x.sum(1) - 4.5).abs().numpy()
    exact = distance / (12**0.5 if norm == "l2" else 12)
    assert (found > exact - 0.02).all()  # no way is shorter, but for half a step
    assert np.median(found / exact) < (4 if norm == "l2" else 12)
    blind = DeepFool(norm=norm).run(target(module, INFO), x, labels, 0, lambda _: None).norms
    assert blind is not None
    assert np.isinf(blind).mean() > 0.9
    assert np.isfinite(smallest_norms(module, INFO, x, labels, norm, 0)).all()


def test_an_image_that_is_wrong_and_a_model_of_one_answer_have_no_norm_between_images() -> None:
    module = nn.Linear(12, 3).eval().requires_grad_(False)
    nn.init.zeros_(module.weight)
    module.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    labels = torch.tensor([0] * 29 + [1])
    assert np.isinf(between_images(module, inputs(), labels, "l2")).all()
