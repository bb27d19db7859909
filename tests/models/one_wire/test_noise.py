"""Noise layers: what draws average to, when there are any, and what attackers see of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom

from qaml.attacks.base import ATTACKS, AttackPart, Target
from qaml.attacks.estimated import PARAMETER_SHIFT, estimated, finite_difference
from qaml.errors import PartError
from qaml.models.noise_layers.network import NoiseLayers
from qaml.models.noise_layers.part import NoiseLayers as Settings
from qaml.models.one_wire.network import OneWireClassifier, encoded
from qaml.quantum.channels import GaussianRotation, flip_probability
from qaml.quantum.noise.votes import vote_chance
from qaml.types import Bounds
from tests.models.one_wire.examples import inputs_of, qcnn, qnn

DRAWS = 30_000
"""Four standard errors are about 0.012 of a value: a tenth of what half the noise, or none, would change."""


@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("is_convolutional", [False, True])
def test_draws_average_to_the_observable(position: str, share: float, is_convolutional: bool) -> None:
    """Values, input gradients and the pathwise gradient of β, within four standard errors."""
    noise = Settings(beta=0.8, variance=0.6, position=position, share=share)  # type: ignore[arg-type]
    module = qcnn(3, 0, noise) if is_convolutional else qnn(3, 2, 6, noise)
    assert module.noise is not None
    module.reseed(1)
    one = inputs_of(module, 1, 3)
    inputs = one.expand(DRAWS, -1).clone().requires_grad_()
    drawn = module.drawn_expectations(
        encoded(inputs, 3, module.encoding), (angles := module.noise.angles(DRAWS).detach().requires_grad_())
    )
    gradient, of_angles = torch.autograd.grad(drawn.sum(), [inputs, angles])
    exact_inputs = one.clone().requires_grad_()
    exact = module.averaged().expectations(exact_inputs)
    (exact_gradient,) = torch.autograd.grad(exact.sum(), exact_inputs)
    assert_near(drawn.detach(), exact.detach())
    assert_near(gradient, exact_gradient)
    # dz/dβ of a draw is Σ η ∂z/∂(ηβ); of the average, a difference of two averages
    per_layer = (of_angles * angles.detach() / module.noise.beta.detach()[:, None]).sum(2)
    for layer in range(per_layer.shape[1]):
        assert_near(per_layer[:, layer], torch.tensor([slope_in_beta(module, one, layer)]))


def slope_in_beta(module: OneWireClassifier, inputs: torch.Tensor, layer: int) -> float:
    assert module.noise is not None
    h, values = 1e-4, []
    for sign in (1, -1):
        with torch.no_grad():
            module.noise.beta[layer] += sign * h
            values.append(module.averaged().expectations(inputs).item())
            module.noise.beta[layer] -= sign * h
    return (values[0] - values[1]) / (2 * h)


def assert_near(samples: torch.Tensor, exact: torch.Tensor) -> None:
    error = 4 * samples.std(0) / math.sqrt(len(samples)) + 1e-9
    assert ((samples.mean(0) - exact.squeeze(0)).abs() <= error).all()


def test_flip_probabilities() -> None:
    assert flip_probability(0.0) == 0
    assert flip_probability(50.0) == pytest.approx(0.5)
    assert flip_probability(1.0, 0.25) == pytest.approx(0.25 * (1 - math.exp(-0.5)) / 2)
    layers = NoiseLayers(Settings(beta=0.3, variance=2.0, share=0.5), 2, 4).double()
    assert layers.flips().tolist() == pytest.approx([flip_probability(0.3 * math.sqrt(2.0), 0.5)] * 2)
    channel = GaussianRotation(sigma=math.sqrt(2.0), beta=0.3)
    assert len(channel.kraus()) == 2


def test_when_layers_draw() -> None:
    layers = NoiseLayers(Settings(training=False, inference=True), 1, 2)
    assert layers.is_drawing
    with layers.trained():
        assert not layers.is_drawing
    layers.inference = False
    assert not layers.is_drawing
    module = qnn(2, 1, 0, Settings(training=True, inference=False))
    inputs = inputs_of(module, 4, 0)
    assert torch.equal(module(inputs), module(inputs))
    with module.trained():
        assert module.is_randomised
        assert not torch.equal(module(inputs), module(inputs))
    assert not module.is_randomised


def test_draws_are_shared_by_a_batch_in_training_only() -> None:
    module = qnn(2, 2, 0, Settings())
    same = inputs_of(module, 1, 0).expand(3, -1)
    with module.trained():
        one, *others = module(same)
        assert all(torch.equal(one, other) for other in others)
    assert len(torch.unique(module(same)[:, 0])) == 3
    per_sample = qnn(2, 2, 0, Settings(draw="sample"))
    with per_sample.trained():
        assert len(torch.unique(per_sample(same)[:, 0])) == 3


def test_a_seed_repeats_the_draws() -> None:
    module = qnn(2, 2, 0, Settings())
    inputs = inputs_of(module, 3, 0)
    found = []
    for seed in (1, 1, 2):
        module.reseed(seed)
        found.append(module(inputs))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("shots", [1, 2, 5, 100])
def test_votes_are_binomial(shots: int) -> None:
    probabilities = np.array([0.0, 0.3, 0.5, 0.9, 1.0])
    chance = vote_chance(probabilities, shots)
    expected = [sum(binom.pmf(k, shots, p) for k in range(shots + 1) if k / shots > 0.5) for p in probabilities]
    np.testing.assert_allclose(chance, expected, atol=1e-12)


def test_estimated_gradients_agree_without_noise() -> None:
    module = qnn(3, 3, 1).eval().requires_grad_(False)
    assert module.encoding == "angle"
    inputs = inputs_of(module, 4, 2)

    def gradient(view: torch.nn.Module) -> torch.Tensor:
        leaf = inputs.clone().requires_grad_()
        return torch.autograd.grad(view(leaf)[:, 0].sum(), leaf)[0]

    adjoint = gradient(module)
    torch.testing.assert_close(gradient(estimated(module, PARAMETER_SHIFT)), adjoint, rtol=0, atol=1e-6)
    difference = estimated(module, finite_difference(1e-4))
    torch.testing.assert_close(gradient(difference), adjoint, rtol=0, atol=1e-6)


def test_an_estimate_needs_a_circuit() -> None:
    with pytest.raises(PartError, match="needs a circuit"):
        estimated(torch.nn.Linear(2, 2), PARAMETER_SHIFT)


def attack(**fields: object) -> AttackPart:
    settings = {"kind": "pgd", "epsilon": (0.3,), "steps": 5, "random_start": False, **fields}
    return ATTACKS.load("pgd").model_validate(settings)


def test_the_exact_attacker_finds_what_an_averaging_one_finds() -> None:
    """Both climb the averaged probabilities, the second with the noise of 300 draws."""
    module = qnn(2, 2, 6, Settings(beta=1.0, variance=0.5)).float().eval()
    inputs = torch.rand(30, 4)
    labels = module.averaged().expectations(inputs).lt(0).long()
    target = Target(module, Bounds(0.0, 1.0), 2)
    right = {}
    for name, part in {"exact": attack(gradient="exact"), "eot": attack(eot=300), "drawn": attack()}.items():
        found = torch.from_numpy(part.run(target, inputs, labels, 0, lambda _: None).adversarials[0])
        right[name] = int((module.averaged().expectations(found).lt(0).long() == labels).sum())
    assert right["exact"] <= right["eot"] + 2
    assert right["exact"] < 30


def test_an_exact_attack_needs_an_exact_average() -> None:
    target = Target(torch.nn.Linear(2, 2), Bounds(0.0, 1.0), 2)
    with pytest.raises(PartError, match="no exact average"):
        attack(gradient="exact").run(target, torch.rand(2, 2), torch.zeros(2, dtype=torch.long), 0, lambda _: None)
    with pytest.raises(ValueError, match="got both"):
        attack(gradient="exact", eot=2)
