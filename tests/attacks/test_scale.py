"""Cross-entropy at a scale where it has a gradient, whatever the scale of the logits."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks import AttackPart, Target
from qaml.attacks.autoattack.part import AutoAttack, Member
from qaml.attacks.gradient.part import BIM, FGSM, MIM, PGD
from qaml.attacks.noise.part import UniformNoise
from qaml.attacks.scale import cross_entropy, measure, median_gap
from tests.attacks.truth import UNIT, Problem


class Times(nn.Module):
    """A classifier whose logits are multiplied."""

    def __init__(self, module: nn.Module, factor: float) -> None:
        super().__init__()
        self.module = module
        self.factor = factor

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.factor * self.module(inputs)
        return logits


class HeavyTailed(nn.Module):
    """A classifier whose gaps range over many powers of ten: no one scale is right for all images."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.module(inputs)
        return logits * torch.exp(4 * torch.sin(50 * inputs.flatten(1)[:, :1].detach()))


def curved(classes: int = 6) -> tuple[nn.Module, Tensor, Tensor]:
    """A network of one hidden layer with healthy logits, inputs in its middle, and its answers."""
    generator = torch.Generator().manual_seed(1)
    module = nn.Sequential(nn.Linear(20, 30), nn.Tanh(), nn.Linear(30, classes)).eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(2.6 * torch.randn(weight.shape, generator=generator))
    inputs = 0.2 + 0.6 * torch.rand(200, 20, generator=generator)
    with torch.no_grad():
        for weight in module[2].parameters():
            weight.mul_(2)
        return module, inputs, module(inputs).argmax(1)


def success(attack: AttackPart, module: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    classes = int(module(inputs[:1]).shape[1])
    found = attack.run(Target(module, UNIT, classes), inputs, labels, 0, lambda _: None).adversarials[-1]
    with torch.no_grad():
        return float((module(torch.from_numpy(found)).argmax(1) != labels).double().mean())


ATTACKS = [
    FGSM(epsilon=(0.05,)),
    FGSM(epsilon=(0.2,), norm="l2"),
    BIM(epsilon=(0.05,)),
    PGD(epsilon=(0.05,), steps=20),
    PGD(epsilon=(0.2,), steps=20, norm="l2"),
    MIM(epsilon=(0.05,)),
    AutoAttack(epsilon=(0.05,), members=("apgd_ce",), steps=20),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.kind}-{a.norm}")
@pytest.mark.parametrize("factor", [1e-20, 1e-6, 1e-2, 1e2, 1e4, 1e12])
def test_an_attack_finds_as_much_at_any_scale(attack: AttackPart, factor: float) -> None:
    module, inputs, labels = curved()
    assert 6 < median_gap(module, inputs) < 32
    own = success(attack, module, inputs, labels)
    assert own > 0.25
    assert success(attack, Times(module, factor), inputs, labels) == pytest.approx(own, abs=0.03)


def test_plain_cross_entropy_fails_with_confident_logits() -> None:
    """What ``rescale: false`` keeps: zero in float32 for most images."""
    module, inputs, labels = curved()
    attack = PGD(epsilon=(0.05,), steps=20)
    plain = attack.model_copy(update={"rescale": False})
    confident = Times(module, 100.0)
    assert success(plain, confident, inputs, labels) < 0.5 * success(attack, confident, inputs, labels)
    assert plain.run(Target(confident, UNIT, 6), inputs, labels, 0, lambda _: None).scale is None


def test_images_of_very_different_gaps_all_have_a_gradient() -> None:
    """One constant cannot bring all gaps into range, and plain cross-entropy is zero beyond 104."""
    module, inputs, labels = curved()
    heavy = HeavyTailed(module)
    gaps = torch.diff(heavy(inputs).topk(2).values, dim=1).abs()
    assert gaps.max() / gaps.median() > 20
    attack = BIM(epsilon=(0.05,))
    own = success(attack, module, inputs, labels)
    assert success(attack, heavy, inputs, labels) == pytest.approx(own, abs=0.05)
    assert success(attack.model_copy(update={"rescale": False}), heavy, inputs, labels) < own - 0.1


def test_at_a_healthy_scale_it_is_cross_entropy() -> None:
    module, inputs, labels = curved()
    slopes = []
    for loss in (lambda z, y: nn.functional.cross_entropy(z, y, reduction="none"), stable):
        leaf = inputs.clone().requires_grad_()
        total: Tensor = loss(module(leaf), labels)
        (slope,) = torch.autograd.grad(total.sum(), leaf)
        slopes.append(slope / slope.norm(dim=1, keepdim=True))
    told = module(inputs).topk(2).values.diff(dim=1).abs()[:, 0] < 10
    torch.testing.assert_close(slopes[0][told], slopes[1][told], atol=2e-3, rtol=0)


def stable(logits: Tensor, labels: Tensor, scale: float = 1.0) -> Tensor:
    return cross_entropy(logits, labels, scale)


def test_cross_entropy_is_its_softplus() -> None:
    logits = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 4
    for scale in (0.1, 1.0, 7.0):
        plain = nn.functional.cross_entropy(scale * logits, labels, reduction="none")
        torch.testing.assert_close(nn.functional.softplus(scale * stable(logits, labels, scale)), plain)
    rivals = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    torch.testing.assert_close(stable(logits, labels, 1e9), rivals - logits.gather(1, labels[:, None])[:, 0])


def test_a_class_that_is_masked_changes_nothing() -> None:
    logits = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(9) % 3
    for mask in (-1e9, -torch.inf):
        masked = torch.cat([logits, torch.full((9, 1), mask)], 1).requires_grad_()
        loss = stable(masked, labels)
        torch.testing.assert_close(loss, stable(logits, labels))
        (slope,) = torch.autograd.grad(loss.sum(), masked)
        assert torch.isfinite(slope).all()
        assert (slope[:, 3] == 0).all()


@pytest.mark.parametrize(
    ("gaps", "factor"),
    [
        ([2.0, 2.0, 2.0], 1.0),
        ([32.0, 32.0, 32.0], 1.0),
        ([1.9, 1.9, 50.0], 8 / 1.9),
        ([40.0, 1.0, 33.0], 8 / 33),
        ([0.0, 0.0, 0.0, 0.2], 40.0),  # ties say nothing about the scale
        ([0.0, 0.0], 1.0),
        ([float("inf"), 16.0], 1.0),
        ([float("nan"), 16.0], 1.0),
        ([1e-45, 1e-45], 1.0),  # nothing that float32 could multiply it by
        ([], 1.0),
    ],
)
def test_the_scale_is_left_alone_where_it_is_healthy(gaps: list[float], factor: float) -> None:
    inputs = torch.tensor(gaps, dtype=torch.float32).reshape(-1, 1)
    found = measure(nn.Linear(1, 2).requires_grad_(False).eval(), inputs) if not gaps else measure(Gap(), inputs)
    assert found.factor == pytest.approx(factor, rel=1e-5)


class Gap(nn.Module):
    """Logits with the input as their gap."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([inputs, torch.zeros_like(inputs)], 1)


def test_the_scale_does_not_depend_on_batches() -> None:
    """It is measured once for all inputs of a call, so the first images have the same adversarials among more."""
    module, inputs, labels = curved()
    many, true = inputs.repeat(3, 1)[:520], labels.repeat(3)[:520]
    attack = BIM(epsilon=(0.05,))

    def made(n: int) -> NDArray[np.float32]:
        target = Target(Times(module, 1e-3), UNIT, 6)
        found: NDArray[np.float32] = attack.run(target, many[:n], true[:n], 0, lambda _: None).adversarials[0]
        return found

    np.testing.assert_array_equal(made(520)[:300], made(300))


def test_what_was_climbed_is_told() -> None:
    problem = Problem(3, (5,))
    scaled = Target(Times(problem.module, 1e-3), UNIT, 3)

    def told(attack: AttackPart) -> float | None:
        found = attack.run(scaled, problem.inputs, problem.labels, 0, lambda _: None).scale
        return None if found is None else found.factor * found.gap

    assert told(FGSM(epsilon=(0.1,))) == pytest.approx(8)
    assert told(AutoAttack(epsilon=(0.1,), members=("apgd_ce", "fab"), steps=2)) == pytest.approx(8)
    assert told(PGD(epsilon=(0.1,), loss="margin")) is None
    assert told(AutoAttack(epsilon=(0.1,), members=("fab",), steps=2)) is None
    assert told(UniformNoise(epsilon=(0.1,))) is None


@pytest.mark.parametrize(
    ("members", "is_white_box"),
    [(("square",), False), (("square", "fab"), True), (("apgd_ce",), True), (("fab_t",), True), (None, True)],
)
def test_autoattack_is_white_box_if_a_member_is(members: tuple[Member, ...] | None, is_white_box: bool) -> None:
    attack = AutoAttack(epsilon=(0.1,), members=members)
    assert attack.is_white_box is is_white_box
    assert attack.needs_gradients is is_white_box


class Step(nn.Module):
    """No gradient flows through it, and a single coordinate decides."""

    def forward(self, inputs: Tensor) -> Tensor:
        return 100 * torch.stack([0.5 - inputs[:, 0], inputs[:, 0] - 0.5], 1).detach()


def test_square_alone_needs_no_gradients() -> None:
    inputs = torch.full((4, 6), 0.45)
    target = Target(Step(), UNIT, 2)
    attack = AutoAttack(epsilon=(0.1,), members=("square",), queries=100)
    found = attack.run(target, inputs, torch.zeros(4, dtype=torch.int64), 0, lambda _: None)
    assert found.claimed.all()


def test_noise_alone_is_no_search() -> None:
    assert not UniformNoise(epsilon=(0.1,)).is_search
    assert all(attack.is_search for attack in ATTACKS)
