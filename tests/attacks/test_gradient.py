"""The gradient attacks' own fields and repairs."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from qaml.attacks import AttackPart, Target
from qaml.attacks.access import BATCH
from qaml.attacks.gradient.part import BIM, FGSM, MIM, PGD
from qaml.types import Bounds
from tests.attacks.truth import UNIT, Linear, Problem, norms, predict


class Curved(nn.Module):
    """A smooth classifier whose gradient turns as the input moves."""

    def __init__(self, features: int = 6, classes: int = 3) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(2)
        self.first = nn.Parameter(torch.randn(features, 16, generator=generator))
        self.second = nn.Parameter(torch.randn(16, classes, generator=generator))

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.tanh(inputs @ self.first) @ self.second


def curved(n: int = 20) -> tuple[Target, Tensor, Tensor]:
    module = Curved().eval()
    inputs = torch.rand(n, 6, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        labels = module(inputs).argmax(1)
    return Target(module, UNIT, 3), inputs, labels


def gradient(module: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    inputs = inputs.clone().requires_grad_()
    return torch.autograd.grad(nn.functional.cross_entropy(module(inputs), labels, reduction="sum"), inputs)[0]


def by_hand(
    target: Target, clean: Tensor, labels: Tensor, epsilon: float, step: float, steps: int, decay: float | None
) -> Tensor:
    """BIM (Kurakin et al. 2017, eq. 2) and, with a decay, MIM (Dong et al. 2018, eqs. 6 and 7)."""
    perturbed, momentum = clean, torch.zeros_like(clean)
    for _ in range(steps):
        slope = gradient(target.module, perturbed, labels)
        momentum = slope if decay is None else decay * momentum + slope / slope.abs().sum(1, keepdim=True)
        perturbed = perturbed + step * momentum.sign()
        perturbed = torch.clamp(torch.clamp(perturbed, clean - epsilon, clean + epsilon), *target.bounds)
    return perturbed


def test_fgsm_is_the_formula_at_every_budget() -> None:
    target, inputs, labels = curved()
    grid = (0.0, 0.03, 0.2)
    result = FGSM(epsilon=grid, rescale=False).run(target, inputs, labels, 0, lambda _: None)
    slope = gradient(target.module, inputs, labels)
    for epsilon, adversarials in zip(grid, result.adversarials, strict=True):
        expected = (inputs + epsilon * slope.sign()).clamp(0, 1)
        np.testing.assert_allclose(adversarials, expected.numpy(), atol=1e-6)


def test_fgsm_in_l2_is_one_normalised_step() -> None:
    target, inputs, labels = curved()
    inputs = 0.3 + 0.4 * inputs
    result = FGSM(epsilon=(0.1,), norm="l2", rescale=False).run(target, inputs, labels, 0, lambda _: None)
    slope = gradient(target.module, inputs, labels)
    expected = inputs + 0.1 * slope / slope.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(result.adversarials[0], expected.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("attack", "decay"),
    [
        (BIM(epsilon=(0.1,), steps=3, step=0.05, rescale=False), None),
        (MIM(epsilon=(0.1,), steps=6, decay=0.9, rescale=False), 0.9),
    ],
)
def test_iterations_are_those_of_the_papers(attack: BIM | MIM, decay: float | None) -> None:
    target, inputs, labels = curved()
    result = attack.run(target, inputs, labels, 0, lambda _: None)
    expected = by_hand(target, inputs, labels, 0.1, attack.step_size(0.1), attack.steps, decay)
    np.testing.assert_allclose(result.adversarials[0], expected.numpy(), atol=1e-5)


def test_foolbox_would_accumulate_signs_instead() -> None:
    """Keeps the repair honest: where the two momenta differ, ours is the paper's."""
    target, inputs, labels = curved(60)
    ours = MIM(epsilon=(0.3,), steps=10, rescale=False).run(target, inputs, labels, 0, lambda _: None).adversarials[0]
    signs, perturbed = torch.zeros_like(inputs), inputs
    for _ in range(10):
        signs = signs + gradient(target.module, perturbed, labels).sign()
        perturbed = perturbed + 0.075 * signs.sign()
        perturbed = torch.clamp(torch.clamp(perturbed, inputs - 0.3, inputs + 0.3), 0, 1)
    assert np.abs(ours - perturbed.numpy()).max() > 0.05


@pytest.mark.parametrize(
    ("attack", "epsilon", "reach"),
    [
        (FGSM(epsilon=(0.1,)), 0.3, 0.3),
        (BIM(epsilon=(0.1,), steps=3, step=0.05), 0.3, 0.15),
        (PGD(epsilon=(0.1,)), 0.2, 0.5),
        (PGD(epsilon=(0.1,), steps=20, relative_step=1 / 30), 0.3, 0.2),
        (MIM(epsilon=(0.1,), steps=1), 0.4, 1.0),
    ],
)
def test_reach_is_steps_times_step_size(attack: AttackPart, epsilon: float, reach: float) -> None:
    assert attack.reach(epsilon) == pytest.approx(reach)


def test_default_steps_reach_the_budget_and_short_ones_do_not() -> None:
    problem = Problem(2, (1, 5, 5), spread=0.1)
    for attack in (BIM(epsilon=(0.05,)), MIM(epsilon=(0.05,)), PGD(epsilon=(0.05,), random_start=False)):
        moved = norms(problem.inputs, problem.run(attack).adversarials, "linf")[0]
        np.testing.assert_allclose(moved, 0.05, rtol=1e-5)
    short = problem.run(BIM(epsilon=(0.05,), steps=3, step=0.01))
    np.testing.assert_allclose(norms(problem.inputs, short.adversarials, "linf")[0], 0.03, rtol=1e-5)


class Ring(nn.Module):
    """Class 1 on a narrow ring in the first coordinate, behind a flat plain without a gradient."""

    def forward(self, inputs: Tensor) -> Tensor:
        score = torch.relu(0.02 - (inputs[:, 0] - 0.56).abs()) * 100 - 1
        return torch.stack([torch.zeros_like(score), score], 1)


def test_restarts_keep_the_worst() -> None:
    inputs, labels = torch.full((200, 1), 0.5), torch.zeros(200, dtype=torch.int64)
    target = Target(Ring(), UNIT, 2)
    fooled = []
    for restarts in (1, 2, 8):
        attack = PGD(epsilon=(0.1,), steps=2, relative_step=0.01, restarts=restarts)
        result = attack.run(target, inputs, labels, 0, lambda _: None)
        assert (result.claimed[0] == (predict(target.module, result.adversarials[0]) != 0)).all()
        fooled.append(result.claimed[0])
    assert (fooled[0] <= fooled[1]).all()
    # the ring is a tenth of the ball: 1 − 0.9ⁿ
    shares = [f.mean() for f in fooled]
    np.testing.assert_allclose(shares, [0.1, 0.19, 0.57], atol=4 * 0.035)
    assert not BIM(epsilon=(0.1,)).run(target, inputs, labels, 0, lambda _: None).claimed.any()


def test_the_margin_keeps_a_gradient_where_softmax_saturates() -> None:
    problem = Problem(2, (1, 5, 5), spread=0.1)
    with torch.no_grad():
        for weight in problem.module.parameters():
            weight.mul_(1e4)
    truth = problem.worst_margins(0.1, "linf") < 0
    assert truth.mean() > 0.5
    saturated = problem.fooled(problem.run(FGSM(epsilon=(0.1,), rescale=False)))[0]
    assert (saturated & truth).sum() < truth.sum() / 2
    for attack in (FGSM(epsilon=(0.1,), loss="margin"), FGSM(epsilon=(0.1,))):
        np.testing.assert_array_equal(problem.fooled(problem.run(attack))[0], truth)


@pytest.mark.parametrize(
    "attack",
    [
        FGSM(epsilon=(0.1,), norm="l2", rescale=False),
        PGD(epsilon=(0.1,), norm="l2", rescale=False),
        MIM(epsilon=(0.1,), rescale=False),
    ],
)
def test_tiny_gradients_still_move_the_input(attack: AttackPart) -> None:
    """A confident network's gradient of 1e-25 has a square that float32 cannot hold."""
    module = Linear(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([29.0, -29.0]))
    inputs, labels = torch.full((1, 2), 0.5), torch.zeros(1, dtype=torch.int64)
    slope = float(gradient(module, inputs, labels).abs().max())
    assert 0 < slope < 1e-24
    result = attack.run(Target(module, UNIT, 2), inputs, labels, 0, lambda _: None)
    assert result.adversarials[0, 0, 0] == pytest.approx(0.4, abs=2e-3)


class Masked(nn.Module):
    """A linear classifier behind noise that hides it; has its own stream."""

    def __init__(self, module: nn.Module, scale: float) -> None:
        super().__init__()
        self.module = module
        self.scale = scale
        self.generator = torch.Generator()
        self.forwards = 0

    def reseed(self, seed: int) -> None:
        self.generator.manual_seed(seed)

    def forward(self, inputs: Tensor) -> Tensor:
        self.forwards += 1
        noise = torch.randn(inputs.shape, generator=self.generator)
        # multiplies the gradient by random signs
        logits: Tensor = self.module(inputs * (1 + self.scale * noise))
        return logits


def test_training_asks_for_adversarials_and_no_count() -> None:
    problem = Problem(2, (30,), Bounds(-1, 1), spread=0.5, n=80)
    module = Masked(problem.module, 0.0)
    counted = problem.target._replace(module=module)
    results = []
    for target, forwards in ((counted, 5), (counted._replace(is_counted=False), 4)):
        module.forwards = 0
        results.append(BIM(epsilon=(0.05,), steps=3).run(target, problem.inputs, problem.labels, 7, lambda _: None))
        assert module.forwards == forwards
    np.testing.assert_array_equal(results[0].adversarials, results[1].adversarials)
    assert results[0].claimed.any()
    assert not results[1].claimed.any()


def test_eot_averages_draws_and_finds_the_mean_direction() -> None:
    problem = Problem(2, (30,), Bounds(-1, 1), spread=0.5, n=80)
    noisy = Masked(problem.module, 2.0)
    target = problem.target._replace(module=noisy)
    fooled = {}
    for eot in (1, 64):
        noisy.forwards = 0
        result = BIM(epsilon=(0.05,), steps=3, eot=eot).run(target, problem.inputs, problem.labels, 7, lambda _: None)
        # the scale of the logits, 3 steps, and one count of successes
        assert noisy.forwards == 5 * eot
        fooled[eot] = predict(problem.module, result.adversarials[0]) != problem.labels.numpy()
    truth = problem.worst_margins(0.05, "linf") < 0
    assert fooled[1].sum() < 0.9 * fooled[64].sum()
    assert fooled[64].sum() <= truth.sum()


def test_a_randomised_classifier_is_reseeded() -> None:
    problem = Problem(2, (30,), Bounds(-1, 1), n=10)
    noisy = Masked(problem.module, 2.0)
    target = problem.target._replace(module=noisy)
    runs = [
        PGD(epsilon=(0.05,), steps=3).run(target, problem.inputs, problem.labels, s, lambda _: None) for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0].adversarials, runs[1].adversarials)
    assert (runs[0].adversarials != runs[2].adversarials).any()


def test_the_attacker_does_not_know_the_draws_it_is_scored_on() -> None:
    problem = Problem(2, (30,), Bounds(-1, 1), n=4)
    noisy = Masked(problem.module, 2.0)
    seen: list[Tensor] = []
    noisy.register_forward_hook(lambda _module, _inputs, logits: seen.append(logits.detach().clone()))
    target = problem.target._replace(module=noisy)
    FGSM(epsilon=(0.05,)).run(target, problem.inputs, problem.labels, 3, lambda _: None)
    noisy.reseed(3)
    scored = noisy(problem.inputs)
    assert len(seen) > 2
    assert not any(torch.allclose(logits, scored) for logits in seen[:-1] if logits.shape == scored.shape)


def test_every_part_that_draws_is_reseeded() -> None:
    """Also where no outer module passes the seed on."""
    problem = Problem(2, (30,), Bounds(-1, 1), n=10)
    module = nn.Sequential(Masked(nn.Identity(), 0.3), Masked(problem.module, 0.3))
    target = problem.target._replace(module=module)
    runs = [BIM(epsilon=(0.05,)).run(target, problem.inputs, problem.labels, 5, lambda _: None) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].adversarials, runs[1].adversarials)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_eot_changes_nothing_on_a_deterministic_classifier(norm: str) -> None:
    target, inputs, labels = curved()
    attack = BIM.model_validate({"epsilon": 0.1, "norm": norm})
    plain = attack.run(target, inputs, labels, 0, lambda _: None)
    averaged = attack.model_copy(update={"eot": 4}).run(target, inputs, labels, 0, lambda _: None)
    np.testing.assert_allclose(averaged.adversarials, plain.adversarials, atol=1e-6)


def test_batches_do_not_show() -> None:
    problem = Problem(4, (5,), n=BATCH + 3)
    attack = BIM(epsilon=(0.05, 0.2))
    whole = problem.run(attack)
    tail = attack.run(problem.target, problem.inputs[-5:], problem.labels[-5:], 0, lambda _: None)
    np.testing.assert_allclose(whole.adversarials[:, -5:], tail.adversarials, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Field required"),
        ({"epsilon": None}, "valid tuple"),
        ({"epsilon": ()}, "expected at least one budget, got none"),
        ({"epsilon": (0.2, 0.1)}, "expected increasing budgets, got 0.1 after 0.2"),
        ({"epsilon": (0.1, 0.1)}, "expected increasing budgets"),
        ({"epsilon": -0.1}, "greater than or equal to 0"),
        ({"epsilon": "8/0"}, "a fraction such as 8/255"),
        ({"epsilon": 0.1, "step": 0.1, "relative_step": 0.1}, "expected 'step' or 'relative_step', got both"),
        ({"epsilon": 0.1, "step": 0.0}, "greater than 0"),
        ({"epsilon": 0.1, "restarts": 2, "random_start": False}, "repeat the same attack"),
        ({"epsilon": 0.1, "norm": "l1"}, "'linf' or 'l2'"),
    ],
)
def test_fields_are_checked(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PGD.model_validate(fields)


def test_fractions_and_lists_are_read() -> None:
    attack = AttackPart.model_validate({"kind": "bim", "epsilon": ["2/255", "8/255"], "step": "1/255", "steps": 3})
    assert isinstance(attack, BIM)
    assert attack.grid == (2 / 255, 8 / 255)
    assert attack.reach(8 / 255) == pytest.approx(3 / 255)
