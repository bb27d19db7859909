"""Dense memories against equations written out in numpy: answers, loss, and the authors' training, step for step."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from qaml.errors import PartError
from qaml.models.base import Hooks
from qaml.models.dense_memory.part import DenseMemory
from qaml.models.dense_memory.training import NormalisedMomentum, power_loss
from qaml.types import Bounds, InputInfo, Split

INFO = InputInfo((1, 3, 3), ("a", "b", "c"), Bounds(-2.0, 4.0))
Array = NDArray[np.float64]


def part(**fields: Any) -> DenseMemory:
    return DenseMemory.model_validate_json(json.dumps({"kind": "dense_memory", **fields}))


def answers(memories: Array, pixels: Array, power: int, temperature: float) -> Array:
    """Arguments of tanh in eq. 9, one sum after the other: memories (K, N + C), pixels (n, N) in [−1, 1]."""
    n_classes = memories.shape[1] - pixels.shape[1]
    found = np.zeros((len(pixels), n_classes))
    for image, v in enumerate(pixels):
        for alpha in range(n_classes):
            for xi in memories:
                others = -sum(xi[len(v) + gamma] for gamma in range(n_classes) if gamma != alpha)
                image_term = sum(weight * pixel for weight, pixel in zip(xi, v, strict=False))
                on, off = (max(sign * xi[len(v) + alpha] + others + image_term, 0.0) ** power for sign in (1, -1))
                found[image, alpha] += (on - off) / temperature**power
    return found


@pytest.mark.parametrize(("power", "temperature"), [(1, 2.0), (3, 2.5), (20, 4.0)])
def test_logits_are_those_of_equation_9(power: int, temperature: float) -> None:
    module: Any = part(power=power, memories=5, temperature=temperature).build(INFO, 3).double()
    inputs = torch.from_numpy(np.random.default_rng(0).uniform(-2, 4, (6, 1, 3, 3)))
    expected = answers(module.memories.detach().numpy(), (inputs.flatten(1).numpy() - 1) / 3, power, temperature)
    np.testing.assert_allclose(module(inputs).detach().numpy(), expected, rtol=1e-9, atol=1e-12)
    assert torch.autograd.gradcheck(module, (inputs.requires_grad_(True),), atol=1e-5)


def test_temperature_grows_with_the_number_of_neurons_as_on_mnist() -> None:
    mnist = InputInfo((1, 28, 28), tuple("0123456789"), Bounds(0.0, 1.0))
    assert part().build(mnist, 0).temperature == pytest.approx(540)


def test_the_loss_is_that_of_equation_14() -> None:
    logits = torch.tensor([[0.3, -1.2, 2.0], [0.0, 0.1, -0.4]]).double()
    expected = [
        sum((np.tanh(z) - (1 if place == label else -1)) ** 6 for place, z in enumerate(row))
        for row, label in zip(logits.tolist(), (2, 0), strict=True)
    ]
    np.testing.assert_allclose(power_loss(3)(logits, torch.tensor([2, 0])), expected)


def _their_step(memories: Array, velocity: Array, v: Array, t: Array, n: int, m: int, beta: float) -> Array:
    """The gradient of the authors' code: v (N, n) in [−1, 1], t (C, n) targets; the new velocity at p = 0.6."""
    n_classes, n_images = t.shape
    on = np.concatenate([np.concatenate([v, -np.ones((n_classes, n_images))])] * n_classes, axis=1)
    off = on.copy()
    for label in range(n_classes):
        on[len(v) + label, label * n_images : (label + 1) * n_images] = 1.0
    high, low = np.maximum(memories @ on, 0), np.maximum(memories @ off, 0)
    y, target = np.tanh(beta * (high**n - low**n).sum(0)), t.reshape(-1)
    slope = (target - y) ** (2 * m - 1) * (1 - y) * (1 + y)
    made: Array = 0.6 * velocity + (slope * high ** (n - 1)) @ on.T - (slope * low ** (n - 1)) @ off.T
    return made


def test_training_steps_are_those_of_the_authors() -> None:
    """Their velocity leaves out the constant 2m·n·β/n_images of the gradient, which the division removes again."""
    module: Any = part(power=4, memories=5, temperature=3.0).build(INFO, 1).double()
    rng, n_images = np.random.default_rng(2), 8
    inputs, labels = rng.uniform(-2, 4, (n_images, 1, 3, 3)), rng.integers(3, size=n_images)
    memories, velocity = module.memories.detach().numpy().copy(), np.zeros((5, 12))
    targets = 2.0 * np.eye(3)[labels].T - 1.0
    update = NormalisedMomentum(module.parameters(), lr=0.04, momentum=0.6, decay=0.9, weight_decay=0.0)
    loss = power_loss(2)
    for step in range(6):
        update.zero_grad()
        loss(module(torch.from_numpy(inputs)), torch.from_numpy(labels)).mean().backward()  # type: ignore[no-untyped-call]
        update.step()
        pixels = ((inputs.reshape(n_images, -1) - 1) / 3).T
        velocity = _their_step(memories, velocity, pixels, targets, 4, 2, 3.0**-4)
        memories = (memories + 0.04 * 0.9**step * velocity / np.abs(velocity).max(1, keepdims=True)).clip(-1, 1)
        np.testing.assert_allclose(module.memories.detach().numpy(), memories, rtol=1e-7, atol=1e-9)


def test_it_learns_digits_with_the_authors_settings() -> None:
    digits = load_digits()
    images, labels = (digits.data / 16).astype(np.float32)[:400].reshape(-1, 1, 8, 8), digits.target[:400]
    info = InputInfo((1, 8, 8), tuple("0123456789"), Bounds(0.0, 1.0))
    model = part(memories=40, training={"epochs": 40, "batch": 50})
    module = model.build(info, 0)
    model.fit(module, Split(images[:300], labels[:300], np.arange(300)), info, Hooks(), 0)
    right = module(torch.from_numpy(images[300:])).argmax(1).numpy() == labels[300:]
    assert right.mean() > 0.85
    assert module.get_parameter("memories").abs().max() <= 1


def test_inputs_without_limits_and_a_second_schedule_are_refused() -> None:
    with pytest.raises(PartError, match="expects inputs with limits"):
        part().check(INFO._replace(bounds=Bounds(0.0, np.inf)))
    with pytest.raises(PartError, match="falls by 'decay', got the schedule 'one_cycle'"):
        part(training={"schedule": "one_cycle"}).check(INFO)
