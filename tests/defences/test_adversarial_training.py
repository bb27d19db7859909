"""Adversarial training: what is in the union, who is attacked when, and that it helps."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.defences.adversarial_training.hooks import evaluating, union_sizes
from qaml.defences.adversarial_training.part import AdversarialTraining
from qaml.defences.base import ForTraining
from qaml.models.base import Hooks, Training
from qaml.models.training import fit_classifier
from qaml.registry import references
from tests.defences.examples import fgsm, network
from tests.models.examples import GREY, assert_same_weights, blobs, model


class Spy:
    """An attack that adds a constant and remembers whom it attacked with which seed."""

    def __init__(self) -> None:
        self.attacked: list[nn.Module] = []
        self.seeds: list[int] = []
        self.sizes: list[int] = []

    def __call__(self, module: nn.Module, inputs: Tensor, labels: Tensor, seed: int) -> Tensor:
        assert not any(part.training for part in module.modules())
        assert len(inputs) == len(labels)
        self.attacked.append(module)
        self.seeds.append(seed)
        self.sizes.append(len(inputs))
        return inputs + 2


def _hooks(spy: Spy, undefended: nn.Module | None = None, seed: int = 0, **fields: object) -> Hooks:
    part = AdversarialTraining.model_validate_json(
        json.dumps({"kind": "adversarial_training", "attack": "a", **fields})
    )
    return part.training_hooks(ForTraining(seed, spy, undefended))


@pytest.mark.parametrize("regenerate", ["once", "epoch"])
@pytest.mark.parametrize(
    ("share", "n_clean", "n_attacked"),
    [(0.5, 600, 600), (0.75, 600, 200), (0.25, 200, 600), (0.0, 0, 600), (1.0, 600, 0)],
)
def test_a_union_holds_both_in_the_declared_shares(
    regenerate: str, share: float, n_clean: int, n_attacked: int
) -> None:
    data, spy = blobs(GREY, 600), Spy()
    union = _hooks(spy, network(), clean_share=share, regenerate=regenerate).epoch(network(), data, 0)
    attacked = union.inputs.min((1, 2, 3)) >= 2
    assert (len(union) - attacked.sum(), attacked.sum()) == (n_clean, n_attacked)
    assert len(set(union.indices[~attacked])) == n_clean
    assert len(set(union.indices[attacked])) == n_attacked
    for position, index in enumerate(union.indices):
        shift = np.float32(2) if attacked[position] else np.float32(0)
        np.testing.assert_array_equal(union.inputs[position], data.inputs[index] + shift)
        assert union.labels[position] == data.labels[index]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8, 0.99])
def test_union_sizes_are_the_nearest_to_the_share(share: float) -> None:
    n_clean, n_attacked = union_sizes(997, share)
    assert max(n_clean, n_attacked) == 997
    assert abs(Fraction(n_clean, n_clean + n_attacked) - Fraction(share)) <= Fraction(1, 997)


def test_once_attacks_the_undefended_network_a_single_time() -> None:
    data, spy, undefended = blobs(GREY, 600), Spy(), network(7)
    hooks = _hooks(spy, undefended)
    unions = [hooks.epoch(network(), data, epoch) for epoch in range(3)]
    assert set(spy.attacked) == {undefended}
    assert sum(spy.sizes) == 600
    assert len(set(spy.seeds)) == len(spy.seeds)
    assert unions[0] is unions[2]


def test_each_epoch_attacks_the_network_in_training_anew() -> None:
    data, spy, training = blobs(GREY, 20), Spy(), network()
    hooks = _hooks(spy, regenerate="epoch")
    for epoch in range(3):
        hooks.epoch(training, data, epoch)
    assert spy.attacked == [training] * 3
    assert len(set(spy.seeds)) == 3


@pytest.mark.parametrize(("share", "n_attacked"), [(0.5, 5), (0.8, 2), (0.0, 10), (1.0, 0)])
def test_a_batch_is_divided(share: float, n_attacked: int) -> None:
    spy, training = Spy(), network().train()
    inputs, labels = torch.tensor(blobs(GREY, 10).inputs), torch.tensor(blobs(GREY, 10).labels)
    hooks = _hooks(spy, regenerate="batch", clean_share=share)
    mixed, same = hooks.batch(training, inputs, labels, 0)
    assert torch.equal(same, labels)
    assert torch.equal(
        mixed - inputs >= 1.5, (torch.arange(10) >= 10 - n_attacked)[:, None, None, None].expand_as(inputs)
    )
    assert spy.attacked == [training] * bool(n_attacked)
    assert all(part.training for part in training.modules())
    hooks.batch(training, inputs, labels, 1)
    assert len(set(spy.seeds)) == len(spy.seeds)


@pytest.mark.parametrize("regenerate", ["once", "epoch", "batch"])
def test_seeds_make_the_draws(regenerate: str) -> None:
    def seeds(seed: int) -> list[int]:
        spy = Spy()
        hooks = _hooks(spy, network(), seed, regenerate=regenerate)
        hooks.epoch(network(), blobs(GREY, 10), 0)
        hooks.batch(network(), torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.long), 0)
        return spy.seeds

    assert seeds(1) == seeds(1)
    assert seeds(1) != seeds(2)


def test_evaluating_gives_every_layer_its_own_mode_back() -> None:
    module = network().train()
    module.get_submodule("1").eval()
    modes = [part.training for part in module.modules()]
    with pytest.raises(RuntimeError), evaluating(module):
        module(torch.zeros(3))
    assert [part.training for part in module.modules()] == modes
    with evaluating(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in module.modules()] == modes


def test_running_statistics_are_not_those_of_the_attack() -> None:
    """A network trained with adversarials of weight zero (share of clean 1) is the plainly trained one."""
    data, plain, defended = blobs(GREY), network(), network()
    fit_classifier(plain, Training(epochs=2, batch=16), data, Hooks(), 0)
    hooks = AdversarialTraining(attack="a", clean_share=1.0, regenerate="batch").training_hooks(ForTraining(0, fgsm))
    fit_classifier(defended, Training(epochs=2, batch=16), data, hooks, 0)
    assert_same_weights(plain, defended)


def _trained(hooks: Hooks) -> nn.Module:
    part = model("linear", training={"epochs": 60, "batch": 50, "lr": 0.01})
    module = part.build(GREY, 0)
    part.fit(module, blobs(GREY, 200), GREY, hooks, 0)
    return module


def _accuracy_under_attack(module: nn.Module, surrogate: nn.Module) -> float:
    fresh = blobs(GREY, 200, seed=1)
    labels = torch.tensor(fresh.labels)
    attacked = fgsm(surrogate, torch.tensor(fresh.inputs), labels, 5)
    return float((module(attacked).argmax(1) == labels).float().mean())


def _defended(regenerate: str, undefended: nn.Module) -> nn.Module:
    part = AdversarialTraining.model_validate_json(
        json.dumps({"kind": "adversarial_training", "attack": "a", "regenerate": regenerate})
    )
    return _trained(part.training_hooks(ForTraining(0, fgsm, undefended)))


@pytest.mark.parametrize("regenerate", ["epoch", "batch"])
def test_attacks_made_anew_make_a_linear_model_more_robust(regenerate: str) -> None:
    """Under the attack trained against, white-box, on fresh data; a linear model cannot mask its gradient."""
    undefended = _trained(Hooks())
    defended = _defended(regenerate, undefended)
    assert _accuracy_under_attack(defended, defended) > _accuracy_under_attack(undefended, undefended) + 0.05


def test_attacks_made_once_help_against_those_attacks_and_not_against_new_ones() -> None:
    """The union teaches the undefended network's perturbations as features of the class, and the sign of the gradient
    with them: robust by transfer, weaker in the white box."""
    undefended = _trained(Hooks())
    defended = _defended("once", undefended)
    assert _accuracy_under_attack(defended, undefended) > _accuracy_under_attack(undefended, undefended) + 0.05
    assert _accuracy_under_attack(defended, defended) < _accuracy_under_attack(undefended, undefended)


def test_what_the_planner_reads_off_the_part() -> None:
    once, batch = AdversarialTraining(attack="fgsm"), AdversarialTraining(attack="fgsm", regenerate="batch")
    assert once.changes_training
    assert once.needs_undefended
    assert not batch.needs_undefended
    assert list(references(once)) == [(("attack",), "attacks", "fgsm")]
