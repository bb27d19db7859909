"""The planted-adversarial test tells a working attack from a broken one, and a masked network from an open one."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.attacks import AttackPart
from qaml.attacks.autoattack.part import AutoAttack
from qaml.attacks.geometry import perturbation_norms
from qaml.attacks.gradient.part import FGSM, PGD
from qaml.attacks.minimisation.part import DeepFool
from qaml.attacks.noise.part import UniformNoise
from qaml.attacks.planted import Features, Overheard, features_of, plant, planted_test
from qaml.attacks.transfer import Transfer
from qaml.errors import PartError
from qaml.types import Bounds
from qaml.vocab import Norm
from tests.attacks.truth import UNIT

EPSILON = {"linf": 0.1, "l2": 1.0}
each_norm = pytest.mark.parametrize("norm", ["linf", "l2"])


class Small(nn.Module):
    """A convolutional network that exposes what its last layer sees."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.body = nn.Sequential(
                nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 2), nn.ReLU(), nn.Flatten()
            )
            self.head = nn.Linear(128, 10)

    def features(self, inputs: Tensor) -> Tensor:
        hidden: Tensor = self.body(inputs)
        return hidden

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(inputs))
        return logits


@pytest.fixture
def images() -> Tensor:
    """Half of the pixels lie at a bound, as on real digits."""
    uniform = torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    return (2 * uniform - 0.75).clamp(0, 1)


def strong(norm: Norm) -> PGD:
    return PGD(norm=norm, epsilon=(EPSILON[norm],))


def crippled(norm: Norm) -> PGD:
    return PGD(norm=norm, epsilon=(EPSILON[norm],), steps=1, step=EPSILON[norm] / 100, random_start=False)


def missed(features: nn.Module, images: Tensor, norm: Norm, attack: AttackPart) -> float:
    return float(planted_test(features, images, EPSILON[norm], UNIT, norm, attack, seed=3).mean())


@each_norm
def test_the_planted_adversarial_exists(images: Tensor, norm: Norm) -> None:
    generator = torch.Generator().manual_seed(0)
    features = Features(Small()).eval()
    for index in range(len(images)):
        image = images[index : index + 1]
        task = plant(features, image, EPSILON[norm], UNIT, norm, generator)
        assert task.exists
        size = float(perturbation_norms(image, task.adversarial, norm))
        assert 0.3 * EPSILON[norm] < size <= EPSILON[norm] * (1 + 1e-5)
        assert 0 <= task.adversarial.min() <= task.adversarial.max() <= 1
        with torch.no_grad():
            assert task.classifier(torch.cat([image, task.adversarial])).argmax(1).tolist() == [0, 1]


@each_norm
def test_strong_attacks_find_it(images: Tensor, norm: Norm) -> None:
    features = Features(Small())
    assert missed(features, images, norm, strong(norm)) == 0
    auto = AutoAttack(norm=norm, epsilon=(0.5,), steps=20, queries=20)
    assert missed(features, images[:8], norm, auto) == 0


@each_norm
def test_broken_attacks_miss_it(images: Tensor, norm: Norm) -> None:
    features = Features(Small())
    assert missed(features, images, norm, crippled(norm)) > 0.9
    noise = UniformNoise(norm=norm, epsilon=(EPSILON[norm],), draws=20)
    assert missed(features, images, norm, noise) > 0.7


def test_minimising_attacks_are_tested_within_the_budget(images: Tensor) -> None:
    assert missed(Features(Small()), images, "l2", DeepFool()) < 0.2
    assert missed(Features(Small()), images, "l2", DeepFool(steps=1, overshoot=0)) > 0.2


class Staircase(nn.Module):
    """Features behind rounding whose gradient is zero almost everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open = Features(Small())

    def forward(self, inputs: Tensor) -> Tensor:
        hidden: Tensor = self.open(inputs)
        return torch.round(hidden * 20) / 20


def test_a_network_without_gradients_hides_it_from_strong_attacks(images: Tensor) -> None:
    assert missed(Staircase(), images, "linf", strong("linf")) > 0.7


def test_nothing_can_be_planted_on_constant_features(images: Tensor) -> None:
    class Constant(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs.flatten(1)[:, :3] * 0 + 1

    task = plant(Constant(), images[:1], 0.1, UNIT, "linf", torch.Generator().manual_seed(0))
    assert not task.exists
    assert missed(Constant(), images[:3], "linf", crippled("linf")) == 0


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_feature_inputs_and_other_bounds(norm: Norm) -> None:
    moons = torch.randn(20, 2, generator=torch.Generator().manual_seed(0)).clamp(-3, 3)
    for attack, expected in ((strong(norm), 0), (crippled(norm), 1)):
        result = planted_test(nn.Flatten(), moons, 0.3, Bounds(-3, 3), norm, attack, 0)
        assert result.dtype == np.bool_
        assert result.mean() == pytest.approx(expected, abs=0.1)


def test_same_seed_same_answer_and_the_model_is_left_alone(images: Tensor) -> None:
    module = Small().train()
    state = torch.get_rng_state()
    answers = [
        planted_test(Features(module), images, 0.1, UNIT, "linf", FGSM(epsilon=(0.1,), loss="margin"), seed)
        for seed in (1, 1)
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training
    assert all(weight.requires_grad and weight.grad is None for weight in module.parameters())


def test_what_does_not_fit_is_refused(images: Tensor) -> None:
    features = Features(Small())
    with pytest.raises(PartError, match="expected an attack in l2, got 'pgd' in linf"):
        planted_test(features, images, 0.1, UNIT, "l2", strong("linf"), 0)
    with pytest.raises(PartError, match="a transfer has no planted test"):
        planted_test(features, images, 0.1, UNIT, "linf", Transfer(surrogate="cnn", attack="fgsm"), 0)


def test_features_are_what_the_last_layer_sees(images: Tensor) -> None:
    assert isinstance(features_of(Small(), images), Features)
    layers = [nn.Flatten(), nn.Linear(images[0].numel(), 7), nn.ReLU(), nn.Linear(7, 3)]
    plain = nn.Sequential(*layers)
    found = features_of(plain, images)
    assert isinstance(found, Overheard)
    assert torch.equal(found(images), plain[:3](images))
    assert not list(plain[3]._forward_pre_hooks)
    assert features_of(nn.Flatten(), images) is None


def test_nothing_is_planted_where_the_forward_pass_draws(images: Tensor) -> None:
    drawing = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(images[0].numel(), 3))
    drawing.is_randomised = True  # type: ignore[assignment]
    assert features_of(drawing, images) is None


def test_features_that_no_gradient_reaches_are_of_no_use(images: Tensor) -> None:
    class Closed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(images[0].numel(), 3)

        def forward(self, inputs: Tensor) -> Tensor:
            logits: Tensor = self.last(inputs.detach().flatten(1))
            return logits + inputs.flatten(1)[:, :3]

    assert features_of(Closed(), images) is None


def test_an_attack_is_tried_on_a_module_of_the_user(images: Tensor) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 30), nn.Tanh(), nn.Linear(30, 3)).eval()
    found = features_of(module, images)
    assert found is not None
    assert missed(found, images, "linf", PGD(epsilon=(0.1,))) < 0.1
    assert missed(found, images, "linf", UniformNoise(epsilon=(0.1,), draws=1)) > 0.5


def test_nothing_is_planted_where_another_network_answers_whoever_differentiates() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shown, self.real = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = (self.shown if x.requires_grad else self.real)(x)
            return answer

    assert features_of(Two().eval(), torch.rand(2, 4)) is None
