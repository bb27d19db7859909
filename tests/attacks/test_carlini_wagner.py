"""Carlini & Wagner's attack beside exact distances within the box, where foolbox's stalls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks import Target
from qaml.attacks.carlini_wagner import nearest_rivals
from qaml.attacks.minimisation.part import CarliniWagner, DeepFool
from qaml.quantum.distance.box import hyperplane_in_box
from qaml.types import Bounds
from tests.attacks.test_scale import Times
from tests.attacks.truth import UNIT, Linear

Array = NDArray[np.float64]


class Scene(NamedTuple):
    """A classifier and inputs that it gets right, with the exact distances within the bounds."""

    module: nn.Module
    inputs: Tensor
    labels: Tensor
    bounds: Bounds
    exact: Array

    def norms(self, part: CarliniWagner | DeepFool, factor: float = 1.0) -> Array:
        n_classes = int(self.labels.max()) + 1
        target = Target(Times(self.module, factor), self.bounds, max(n_classes, 2))
        found = part.run(target, self.inputs, self.labels, 0, lambda _: None)
        assert found.norms is not None
        return found.norms


def linear(classes: int, share_at_bounds: float, bounds: Bounds = UNIT, n: int = 40, features: int = 25) -> Scene:
    """A random linear classifier, and inputs of which a share of coordinates is at the lower bound."""
    generator = np.random.default_rng(classes)
    weights, bias = generator.normal(size=(classes, features)), 0.3 * generator.normal(size=classes)
    inputs = generator.uniform(*bounds, size=(n, features))
    inputs[generator.random(inputs.shape) < share_at_bounds] = bounds.low
    module, images = Linear(weights, bias).eval(), torch.tensor(inputs, dtype=torch.float32)
    with torch.no_grad():
        labels = module(images).argmax(1)
    rounded = [weight.detach().double().numpy() for weight in module.layer.parameters()]
    exact = hyperplane_in_box(rounded[0], rounded[1], images.double().numpy(), labels.numpy(), bounds)
    return Scene(module, images, labels, bounds, exact)


SCENES = {
    "inside": linear(3, 0.0),
    "black background": linear(5, 0.7),
    "two classes": linear(2, 0.5),
    "ten classes": linear(10, 0.5),
    "bounds of -1 and 1": linear(4, 0.6, Bounds(-1, 1)),
}


@pytest.mark.parametrize(
    ("name", "factor"), [*((name, 1.0) for name in SCENES), ("ten classes", 1e-3), ("ten classes", 1e3)]
)
def test_defaults_come_within_two_percent_of_the_truth(name: str, factor: float) -> None:
    scene = SCENES[name]
    found = scene.norms(CarliniWagner(), factor)
    possible = np.isfinite(scene.exact)
    assert possible.mean() > 0.9
    ratio = found[possible] / scene.exact[possible]
    assert ratio.min() > 1 - 1e-5
    assert np.median(ratio) < 1.005
    assert np.mean(ratio) < 1.02
    assert np.isinf(found[~possible]).all()


def test_tiny_distances_take_tiny_steps() -> None:
    scene = linear(5, 0.0)
    centre = torch.full_like(scene.inputs, 0.5)
    bias = -(scene.module.layer.weight @ centre[0])  # type: ignore[operator, union-attr]
    with torch.no_grad():
        scene.module.layer.bias.copy_(bias)  # type: ignore[operator, union-attr]
    inputs = centre + 1e-3 * (scene.inputs - centre)
    labels = scene.module(inputs).argmax(1)
    weights = scene.module.layer.weight.detach().double().numpy()  # type: ignore[operator, union-attr]
    exact = hyperplane_in_box(weights, bias.detach().double().numpy(), inputs.double().numpy(), labels.numpy(), UNIT)
    found = scene._replace(inputs=inputs, labels=labels).norms(CarliniWagner())
    assert np.median(exact) < 1e-3
    assert np.median(found / exact) < 1.02


def test_the_change_of_variables_stalls_on_black_pixels() -> None:
    scene = SCENES["black background"]
    found = scene.norms(CarliniWagner(variables="tanh"))
    assert np.median(found / scene.exact) > 1.2


def test_few_steps_are_spent_on_the_nearest_rival() -> None:
    scene = SCENES["ten classes"]
    found = scene.norms(CarliniWagner(steps=50))
    assert np.isfinite(found).all()
    assert np.median(found / scene.exact) < 1.05


def test_rivals_are_those_of_the_nearest_boundaries() -> None:
    """The class that is ahead need not be the nearest: its boundary may be less steep."""
    module = Linear(np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 4.0]]), np.array([1.0, 0.9, 0.0])).eval()
    inputs, labels = torch.tensor([[0.5, 0.1]]), torch.zeros(1, dtype=torch.int64)
    assert nearest_rivals(module, inputs, labels, 2).classes.tolist() == [[2, 1]]
    assert nearest_rivals(module, inputs, labels, 1).classes.tolist() == [[2]]
    assert nearest_rivals(Linear(np.ones((2, 2)), np.zeros(2)), inputs, labels, 3).classes.tolist() == [[1]]


class Silent(nn.Module):
    """Gives no answer but near the clean input."""

    def forward(self, inputs: Tensor) -> Tensor:
        total = inputs.flatten(1).sum(1)
        logits = torch.stack([1 - total, total - 1], 1)
        return torch.where((total > 0.9)[:, None], torch.nan, logits)


def test_no_answer_is_no_adversarial() -> None:
    target = Target(Silent(), UNIT, 2)
    inputs, labels = torch.full((3, 4), 0.2), torch.zeros(3, dtype=torch.int64)
    found = CarliniWagner(steps=40, binary_search_steps=4).run(target, inputs, labels, 0, lambda _: None)
    assert found.norms is not None
    assert np.isinf(found.norms).all()
    np.testing.assert_array_equal(found.adversarials[0], inputs.numpy())
