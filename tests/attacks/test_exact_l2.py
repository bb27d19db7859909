"""Exact distances as an attack: no other attack is nearer, and nothing fools below the L∞ bound."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks import AttackPart, AttackResult, Target
from qaml.attacks.exact_l2.part import ExactL2
from qaml.attacks.exact_l2.projection import OVERSHOOTS, exact_distances
from qaml.attacks.gradient.part import PGD
from qaml.attacks.minimisation.part import CarliniWagner, DeepFool
from qaml.data.base import load
from qaml.data.digits import Digits
from qaml.defences.squeezing.part import FeatureSqueezing
from qaml.errors import PartError
from qaml.models.base import Hooks, Training
from qaml.models.linear.part import Linear
from qaml.models.quadratic.network import BoundedQuadratic, FreeQuadratic
from qaml.models.quadratic.part import Quadratic
from qaml.spec.load import load_text
from qaml.types import Bounds, Split
from tests.attacks.truth import UNIT, norms, predict

ROOT = Path(__file__).parents[2]
WIDE = Bounds(-1.0, 2.0)
"""The box with a margin that no nearest point needs more of; Carlini & Wagner need an end."""


class Scene(NamedTuple):
    """A trained classifier and the images that it gets right."""

    module: nn.Module
    inputs: Tensor
    labels: Tensor

    def run(self, part: AttackPart, bounds: Bounds = WIDE, n: int | None = None) -> AttackResult:
        target = Target(self.module, bounds, 10)
        return part.run(target, self.inputs[:n], self.labels[:n], 0, lambda _: None)


def _correct(module: nn.Module, *splits: Split) -> Scene:
    inputs = torch.from_numpy(np.concatenate([split.inputs for split in splits]))
    labels = torch.from_numpy(np.concatenate([split.labels for split in splits]))
    right = torch.from_numpy(predict(module, inputs.numpy())) == labels
    return Scene(module, inputs[right], labels[right])


@lru_cache
def scene() -> Scene:
    """A norm-bounded quadratic classifier of handwritten digits, 8 × 8."""
    data = load(Digits())
    part = Quadratic(norm_bounded=True, training=Training(epochs=3, lr=1e-2, batch=64))
    module = part.build(data.info, 0)
    part.fit(module, data.train, data.info, Hooks(), 0)
    return _correct(module.eval(), data.test, data.train)


@lru_cache
def linear_scene() -> Scene:
    """A linear classifier of the same images, untrained: its boundaries run through all of them."""
    data = load(Digits())
    module = Linear().build(data.info, 0).eval()
    return Scene(module, torch.from_numpy(data.test.inputs), torch.from_numpy(predict(module, data.test.inputs)))


def found(result: AttackResult) -> NDArray[np.float64]:
    assert result.norms is not None
    return result.norms


def test_the_classifier_is_worth_attacking() -> None:
    assert len(scene().labels) >= 1_400
    sizes = found(scene().run(ExactL2()))
    assert np.isfinite(sizes).all()
    assert 0.1 < np.median(sizes) < 2


# --- what it answers


@pytest.mark.parametrize("make", [scene, linear_scene])
def test_adversarials_are_a_hair_beyond_and_fool(make: Callable[[], Scene]) -> None:
    subject = make()
    result = subject.run(ExactL2())
    fooled = predict(subject.module, result.adversarials[0]) != subject.labels.numpy()
    assert fooled.mean() > 0.995
    np.testing.assert_array_equal(result.claimed[0], fooled)
    sizes = norms(subject.inputs, result.adversarials, "l2")[0][fooled]
    exact = found(result)[fooled]
    assert (sizes <= exact * (1 + 1.1 * OVERSHOOTS[-1]) + 1e-6).all()
    assert np.quantile(sizes / exact, 0.9) < 1 + 1e-4
    assert (sizes >= exact * (1 - 1e-6) - 1e-6).all()


def test_bounds_are_ignored() -> None:
    inside, wide = (scene().run(ExactL2(), bounds, n=100) for bounds in (UNIT, WIDE))
    np.testing.assert_array_equal(inside.adversarials, wide.adversarials)
    assert inside.adversarials.min() < 0


def test_linear_distances_are_the_margins() -> None:
    subject = linear_scene()
    weight, bias = (each.detach().double().numpy() for each in subject.module.parameters())
    flat, labels = subject.inputs.flatten(1).double().numpy(), subject.labels.numpy()
    logits = flat @ weight.T + bias
    radii = [
        min((logits[i, y] - logits[i, j]) / np.linalg.norm(weight[y] - weight[j]) for j in range(10) if j != y)
        for i, y in enumerate(labels)
    ]
    np.testing.assert_allclose(found(subject.run(ExactL2())), np.maximum(radii, 0), rtol=1e-9, atol=1e-12)


def test_budgets_are_applied() -> None:
    free = scene().run(ExactL2(), n=200)
    budgets = tuple(np.quantile(found(free), [0.25, 0.75]).tolist())
    limited = scene().run(ExactL2(epsilon=budgets), n=200)
    sizes = norms(scene().inputs[:200], limited.adversarials, "l2")
    for row, budget in enumerate(budgets):
        assert sizes[row].max() <= budget * (1 + 1e-5)
        assert limited.claimed[row].mean() == pytest.approx((0.25, 0.75)[row], abs=0.02)
        np.testing.assert_array_equal(sizes[row] > 0, limited.claimed[row])
    np.testing.assert_array_equal(found(limited), found(free))


def test_an_input_that_is_wrong_already_stays() -> None:
    subject = scene()
    wrong = subject._replace(inputs=subject.inputs[:20], labels=(subject.labels[:20] + 1) % 10)
    for norm in ("l2", "linf"):
        result = wrong.run(ExactL2.model_validate({"norm": norm}))
        np.testing.assert_array_equal(found(result), 0)
        np.testing.assert_array_equal(result.adversarials[0], wrong.inputs.numpy())
        assert result.claimed.all()


def test_in_linf_it_is_a_bound_without_adversarials() -> None:
    subject, part = scene(), ExactL2(norm="linf")
    result = subject.run(part, n=50)
    assert part.is_bound
    assert not ExactL2().is_bound
    assert part.threat_norm == "linf"
    np.testing.assert_allclose(found(result), found(subject.run(ExactL2(), n=50)) / 8, rtol=1e-12)
    np.testing.assert_array_equal(result.adversarials[0], subject.inputs[:50].numpy())
    assert not result.claimed.any()


def test_certificates_close_the_gap() -> None:
    distances = exact_distances(scene().module, scene().inputs, scene().labels)
    np.testing.assert_allclose(distances.dual, distances.norms, atol=1e-9)


# --- beside other attacks


def test_nothing_fools_below_the_linf_bound() -> None:
    bound = found(scene().run(ExactL2(norm="linf"), n=100))
    budgets = tuple(np.quantile(bound, [0.1, 0.3, 0.5, 0.7, 0.9, 1.0]).tolist())
    claimed = scene().run(PGD(epsilon=budgets, steps=20), n=100).claimed
    for epsilon, fooled in zip(budgets, claimed, strict=True):
        assert not fooled[bound > epsilon * (1 + 1e-4)].any()
    assert claimed[-1].sum() > claimed[0].sum() > 0  # the attack is able


@pytest.mark.parametrize("make", [scene, linear_scene])
def test_deepfool_is_never_nearer(make: Callable[[], Scene]) -> None:
    subject = make()
    exact, other = found(subject.run(ExactL2())), found(subject.run(DeepFool(steps=50, overshoot=0.002)))
    assert (other >= exact * (1 - 1e-4)).all()
    right = exact > 0
    assert np.median(other[right] / exact[right]) < 1.1


@pytest.mark.slow
def test_carlini_wagner_is_never_nearer() -> None:
    exact, other = found(scene().run(ExactL2(), n=100)), found(scene().run(CarliniWagner(), n=100))
    assert (other >= exact * (1 - 1e-4)).all()
    right = exact > 0
    assert np.median(other[right] / exact[right]) < 1.05


# --- what it refuses


class Wrapped(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.inner(inputs)
        return logits


@pytest.mark.parametrize(
    "module",
    [
        Wrapped(BoundedQuadratic(64, 10)),
        FreeQuadratic(64, 10),
        FeatureSqueezing(bits=2, where="classifier").wrap(BoundedQuadratic(64, 10), load(Digits()).info),
    ],
    ids=["wrapped", "free", "squeezed"],
)
def test_other_classifiers_have_no_exact_distances(module: nn.Module) -> None:
    with pytest.raises(PartError, match="has no exact distances"):
        scene()._replace(module=module).run(ExactL2())


def test_the_documented_claims_load() -> None:
    text = (ROOT / "docs" / "exact.md").read_text("utf-8")
    claims = text.split("```yaml\n")[1].split("```")[0]
    models = "models:\n  quadratic: {kind: quadratic, norm_bounded: true, dataset: digits}\n"
    suite = load_text("suite: exact\ndatasets: {digits: {kind: digits}}\n" + models + claims, "exact.yaml", "quick")
    assert [attack.is_bound for attack in suite.attacks.values()] == [False, False, True]


def test_parts_say_whether_they_have_them() -> None:
    assert Linear().has_exact_distances
    assert Quadratic(norm_bounded=True).has_exact_distances
    assert not Quadratic().has_exact_distances
