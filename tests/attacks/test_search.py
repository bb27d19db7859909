"""The battery's own ascent: within its ball, as good as the truth on linear models, past what masks gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.attacks.base import Target
from qaml.attacks.battery import Battery
from qaml.attacks.geometry import perturbation_norms
from qaml.attacks.scale import margin
from qaml.attacks.search import Ball, by_differences, by_gradient, climb, nearest_rivals, towards
from qaml.attacks.straight_through import StraightThrough, stops_gradients
from qaml.attacks.taught import taught
from qaml.attacks.victim import Threat, Victim
from qaml.types import Bounds
from qaml.vocab import Norm
from tests.attacks.stepwise import Stump, planted

N, FEATURES = 200, 20
BOUNDS = Bounds(-3, 3)
WAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": lambda x: x,
    "rounded": lambda x: torch.round(4 * x) / 4,
    "detached": lambda x: x.detach(),
    "clamped": lambda x: x.clamp(-1e-3, 1e-3) * 1e3 + x.detach(),
    "integers": lambda x: (100 * x).long().float() / 100,
}


class Linear(nn.Module):
    """Two classes, logits (0, w·x) behind something done to the inputs."""

    def __init__(self, before: Callable[[Tensor], Tensor] = WAYS["plain"], scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(FEATURES, generator=torch.Generator().manual_seed(0)))
        self.before, self.scale = before, scale

    def forward(self, inputs: Tensor) -> Tensor:
        value: Tensor = self.scale * (self.before(inputs) @ self.weight)
        return torch.stack([torch.zeros_like(value), value], 1)


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn((N, FEATURES), generator=torch.Generator().manual_seed(1)).clamp(-2, 2)


def labels_of(inputs: Tensor) -> Tensor:
    labels: Tensor = Linear()(inputs).argmax(1)
    return labels.detach()


def share_right(module: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((module(inputs).argmax(1) == labels).float().mean())


def truth(inputs: Tensor, epsilon: float, norm: Norm) -> float:
    """Robust iff |w·x| > ε‖w‖ in the dual norm."""
    weight = Linear().weight.detach()
    reach = epsilon * float(weight.abs().sum() if norm == "linf" else weight.norm())
    return float(((inputs @ weight).abs() > reach).float().mean())


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.15), ("l2", 0.6)])
@pytest.mark.parametrize("scale", [1.0, 1e5, 1e-5])
def test_it_finds_what_there_is(norm: Norm, epsilon: float, scale: float, inputs: Tensor) -> None:
    module, labels = Linear(scale=scale), labels_of(inputs)
    look = by_gradient(module, labels, lambda logits, own, _: margin(logits, own))
    found = climb(look, Ball(norm, epsilon, BOUNDS), inputs, 20, torch.Generator().manual_seed(2))
    assert float(perturbation_norms(inputs, found, norm).max()) <= epsilon * (1 + 1e-6)
    assert float(found.abs().max()) <= 3
    assert share_right(module, found, labels) == pytest.approx(truth(inputs, epsilon, norm), abs=0.006)


def test_values_alone_lead_there_too(inputs: Tensor) -> None:
    module, labels = Linear(), labels_of(inputs)
    generator = torch.Generator().manual_seed(2)
    look = by_differences(module, labels, 0.07, 16, generator)
    found = climb(look, Ball("linf", 0.15, BOUNDS), inputs, 20, generator)
    assert share_right(module, found, labels) == pytest.approx(truth(inputs, 0.15, "linf"), abs=0.03)


def test_a_rival_is_headed_for_by_name() -> None:
    logits = torch.tensor([[3.0, 2.0, 1.0, 2.5], [0.0, 5.0, 4.0, 1.0]])
    labels = torch.tensor([0, 1])
    rivals = nearest_rivals(nn.Identity(), logits, labels, 3)
    assert [rival.tolist() for rival in rivals] == [[3, 2], [1, 3], [2, 0]]
    rows = torch.arange(2)
    assert towards(rivals[0])(logits, labels, rows).tolist() == [-0.5, -1.0]
    assert margin(logits, labels).tolist() == [-0.5, -1.0]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "plain"])
def test_gradients_pass_what_stops_them_and_values_stay(way: str, inputs: Tensor) -> None:
    module, labels = Linear(WAYS[way]), labels_of(inputs)
    viewed = StraightThrough(module)
    assert torch.equal(viewed(inputs), module(inputs))
    assert stops_gradients(module, inputs[:2])
    leaf = inputs.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(viewed(leaf)[:, 1].sum(), leaf)
    assert bool((gradient.sign() == module.weight.sign()).all())
    look = by_gradient(viewed, labels, lambda logits, own, _: margin(logits, own))
    found = climb(look, Ball("linf", 0.15, BOUNDS), inputs, 20, torch.Generator().manual_seed(2))
    assert share_right(module, found, labels) <= truth(inputs, 0.15, "linf") + 0.1


def test_a_sound_module_has_nothing_to_pass(inputs: Tensor) -> None:
    assert not stops_gradients(Linear(), inputs[:2])


def test_integers_that_are_looked_up_are_left_alone(inputs: Tensor) -> None:
    table = torch.linspace(-1, 1, 601)
    assert not stops_gradients(Linear(lambda x: table[(100 * (x + 3)).long()]), inputs[:2])


@pytest.mark.parametrize(("way", "member"), [("rounded", "straight_through"), ("detached", "straight_through")])
def test_the_battery_finds_what_the_margin_does_not(way: str, member: str, inputs: Tensor) -> None:
    module, labels = Linear(WAYS[way]), labels_of(inputs)

    def score(adversarials: Tensor, rows: Tensor) -> object:
        with torch.no_grad():
            return (module(adversarials).argmax(1) == labels[rows]).float().numpy()

    victim = Victim(Target(module, BOUNDS, 2), score, has_gradients=way != "detached")  # type: ignore[arg-type]
    found = Battery(victim, Threat("linf", 0.15, 3), inputs, labels).run(lambda _: None)
    if victim.has_gradients:
        assert float((found["pgd"] > 0).mean()) > truth(inputs, 0.15, "linf") + 0.2
    assert float((found[member] == 0).sum()) > 0.1 * N
    assert {"noise", "differences"} <= set(found)


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.15), ("l2", 0.6)])
def test_answers_alone_teach_a_surrogate_the_way(norm: Norm, epsilon: float, inputs: Tensor) -> None:
    inputs = inputs[:80]
    module, surrogate, labels = Linear(), Linear(), labels_of(inputs)
    generator = torch.Generator().manual_seed(2)
    surrogate.weight.data += torch.randn(FEATURES, generator=generator)
    before = surrogate.weight.detach().clone()
    ball = Ball(norm, epsilon, BOUNDS)
    look = by_gradient(surrogate, labels, lambda logits, own, _: margin(logits, own))
    untaught = climb(look, ball, inputs, 20, generator, ends=False)
    found = taught(module.requires_grad_(False), surrogate, ball, inputs, labels, generator)
    assert float(perturbation_norms(inputs, found, norm).max()) <= epsilon * (1 + 1e-6)
    assert share_right(module, untaught, labels) > truth(inputs, epsilon, norm) + 0.02
    assert share_right(module, found, labels) == pytest.approx(truth(inputs, epsilon, norm), abs=0.013)
    assert torch.equal(surrogate.weight, before)


def test_what_has_no_answer_teaches_nothing(inputs: Tensor) -> None:
    surrogate, labels = Linear(), labels_of(inputs)

    def answer(points: Tensor) -> Tensor:
        return torch.full((len(points), 2), torch.nan)

    found = taught(answer, surrogate, Ball("linf", 0.15, BOUNDS), inputs[:5], labels[:5], torch.Generator())
    assert bool(torch.isfinite(found).all())


class Saturated(Linear):
    """The same classes by outputs that end at ±1, a hair from the boundary."""

    def forward(self, inputs: Tensor) -> Tensor:
        return (20 * super().forward(inputs)).tanh()


def test_a_gradient_that_lives_at_the_boundary_alone_is_led_there(inputs: Tensor) -> None:
    module, surrogate, labels = Saturated(), Linear(), labels_of(inputs)
    generator = torch.Generator().manual_seed(2)
    surrogate.weight.data += 0.7 * torch.randn(FEATURES, generator=generator)  # its own adversarials miss some

    def score(adversarials: Tensor, rows: Tensor) -> object:
        with torch.no_grad():
            return (module(adversarials).argmax(1) == labels[rows]).float().numpy()

    victim = Victim(Target(module, BOUNDS, 2), score, surrogate=surrogate)  # type: ignore[arg-type]
    found = Battery(victim, Threat("linf", 0.1, 3), inputs, labels).run(lambda _: None)
    known = truth(inputs, 0.1, "linf")
    right = {name: np.nan_to_num(shares, nan=1) > 0 for name, shares in found.items()}
    others = [flags for name, flags in right.items() if name not in ("carried_on", "differences")]
    assert np.logical_and.reduce(others).mean() > known + 0.05
    assert np.logical_and.reduce(list(right.values())).mean() == pytest.approx(known, abs=0.005)


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.15), ("l2", 0.2)])
def test_by_asking_alone_the_battery_finds_what_can_be_found_of_a_stump(norm: Norm, epsilon: float) -> None:
    module = Stump()
    target, inputs = planted(module, Bounds(0, 1), n=60, features=4)
    labels = module(inputs).argmax(1)

    def score(adversarials: Tensor, rows: Tensor) -> object:
        return (module(adversarials).argmax(1) == labels[rows]).float().numpy()

    victim = Victim(target, score, has_gradients=False, is_seen=False)  # type: ignore[arg-type]
    found = Battery(victim, Threat(norm, epsilon, 3), inputs, labels).run(lambda _: None)
    assert set(found) == {"noise", "differences", "square", "more_differences", "hop_skip_jump"}
    fooled = np.nanmin(list(found.values()), axis=0) == 0
    np.testing.assert_array_equal(fooled, module.distances(inputs) < epsilon)
