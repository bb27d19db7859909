"""DeepFool and Carlini–Wagner: norms, budgets, and answers that are none."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from qaml.attacks import AttackPart, Target
from qaml.attacks.minimisation.part import CarliniWagner, DeepFool
from qaml.types import Bounds
from tests.attacks.truth import UNIT, Problem

ATTACKS = [DeepFool(), DeepFool(norm="linf"), CarliniWagner(steps=50)]
each = pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.kind}-{a.norm}")


@each
def test_without_a_budget_the_grid_is_unlimited(attack: AttackPart) -> None:
    assert attack.grid == (float("inf"),)
    assert attack.minimises


@each
def test_a_budget_shows_the_perturbation_or_the_clean_input(attack: AttackPart) -> None:
    problem = Problem(3, (1, 5, 5))
    unlimited = problem.run(attack)
    assert unlimited.norms is not None
    grid = tuple(float(q) for q in np.quantile(unlimited.norms, [0.2, 0.5, 0.8], method="lower"))
    limited = problem.run(attack.model_copy(update={"epsilon": (0.0, *grid)}))
    np.testing.assert_array_equal(limited.norms, unlimited.norms)
    clean = problem.inputs.numpy()
    for epsilon, adversarials, claimed in zip((0.0, *grid), limited.adversarials, limited.claimed, strict=True):
        # a quantile is one image's own norm: it is within
        within = unlimited.norms <= epsilon
        np.testing.assert_array_equal(adversarials[within], unlimited.adversarials[0][within])
        np.testing.assert_array_equal(adversarials[~within], clean[~within])
        np.testing.assert_array_equal(claimed, within)
    assert problem.fooled(limited).mean(1) == pytest.approx([0.0, 0.2, 0.5, 0.8], abs=0.02)


@each
def test_an_input_that_is_wrong_already_has_norm_zero(attack: AttackPart) -> None:
    problem = Problem(3, (1, 5, 5), n=10)
    labels = problem.labels.clone()
    labels[:4] = (labels[:4] + 1) % 3
    result = attack.run(problem.target, problem.inputs, labels, 0, lambda _: None)
    assert result.norms is not None
    assert (result.norms[:4] == 0).all()
    assert (result.norms[4:] > 0).all()
    np.testing.assert_array_equal(result.adversarials[0][:4], problem.inputs[:4].numpy())


class BlackIsDifferent(nn.Module):
    """Class 1 only for the all-zero image; elsewhere a slope that leads nowhere."""

    def forward(self, inputs: Tensor) -> Tensor:
        total = inputs.flatten(1).sum(1)
        black = torch.where(total == 0, 10.0, 0.0)
        return torch.stack([5 + 0.01 * total, black], 1)


@pytest.mark.parametrize("bounds", [Bounds(0, 1), Bounds(0.2, 1)])
def test_carlini_wagner_without_an_answer_is_a_failure_not_a_black_image(bounds: Bounds) -> None:
    inputs = torch.full((3, 1, 4, 4), 0.6)
    target = Target(BlackIsDifferent(), bounds, 2)
    result = CarliniWagner(steps=5, variables="tanh").run(
        target, inputs, torch.zeros(3, dtype=torch.int64), 0, lambda _: None
    )
    assert result.norms is not None
    assert np.isinf(result.norms).all()
    np.testing.assert_array_equal(result.adversarials[0], inputs.numpy())
    # foolbox counts its black image as a success: a finding tells
    assert result.claimed.all()


def test_confidence_asks_for_a_margin() -> None:
    problem = Problem(2, (1, 5, 5), spread=0.5)
    plain = problem.run(CarliniWagner(steps=60)).norms
    sure = problem.run(CarliniWagner(steps=60, confidence=0.5)).norms
    assert plain is not None
    assert sure is not None
    assert np.median(sure) > 1.5 * np.median(plain)
    adversarials = problem.run(CarliniWagner(steps=60, confidence=0.5)).adversarials[0]
    with torch.no_grad():
        logits = problem.module(torch.from_numpy(adversarials))
    rows = np.isfinite(sure)
    margin = logits.gather(1, 1 - problem.labels[:, None]) - logits.gather(1, problem.labels[:, None])
    assert rows.mean() > 0.9
    assert float(margin[rows].min()) >= 0.5 - 1e-3


def test_without_the_binary_search_the_constant_stays_too_small() -> None:
    """Why ``steps`` is what to cut."""
    problem = Problem(2, (1, 5, 5), spread=0.5, n=30)
    few = problem.run(CarliniWagner(steps=60, binary_search_steps=1, variables="tanh")).norms
    full = problem.run(CarliniWagner(steps=60)).norms
    assert few is not None
    assert full is not None
    assert np.isinf(few).mean() > 0.5
    assert np.isfinite(full).all()


def test_a_randomised_classifier_is_averaged() -> None:
    problem = Problem(2, (1, 5, 5), n=10)
    calls = []
    problem.module.register_forward_hook(lambda *_: calls.append(1))
    problem.run(DeepFool(steps=1))
    once = len(calls)
    calls.clear()
    problem.run(DeepFool(steps=1, eot=5))
    assert len(calls) == 5 * once


@pytest.mark.parametrize(
    ("part", "fields", "message"),
    [
        (CarliniWagner, {"norm": "linf"}, "Input should be 'l2'"),
        (CarliniWagner, {"binary_search_steps": 0}, "greater than or equal to 1"),
        (DeepFool, {"candidates": 1}, "greater than or equal to 2"),
        (DeepFool, {"epsilon": (0.2, 0.1)}, "expected increasing budgets"),
    ],
)
def test_fields_are_checked(part: type[AttackPart], fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        part.model_validate(fields)


def test_deepfool_considers_few_classes_when_asked() -> None:
    problem = Problem(8, (1, 5, 5), spread=0.1, n=80)
    all_of_them = problem.run(DeepFool()).norms
    two = problem.run(DeepFool(candidates=2)).norms
    assert all_of_them is not None
    assert two is not None
    assert all_of_them.sum() < two.sum()
    assert problem.target.bounds == UNIT
