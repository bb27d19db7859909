"""What every attack promises, over every registered kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from qaml.attacks import ATTACKS, AttackPart, Target
from qaml.errors import PartError
from qaml.types import Bounds
from tests.attacks.truth import Problem, norms, predict

FAST: dict[str, dict[str, Any]] = {
    "carlini_wagner": {"steps": 10, "epsilon": None},
    "deepfool": {"steps": 10},
    "autoattack": {"steps": 5, "queries": 20},
    "pgd": {"steps": 5, "restarts": 2},
    "fgsm": {},
    "bim": {},
    "mim": {},
    "uniform_noise": {"draws": 3},
    "square": {"queries": 8},
    "hop_skip_jump": {"queries": 80, "evaluations": 10},
    "boundary": {"queries": 25},
}
NORMS = {"carlini_wagner": ("l2",), "boundary": ("l2",)}
COMPUTING = [(kind, norm) for kind in FAST for norm in NORMS.get(kind, ("linf", "l2"))]
# transfers and joint attacks compute nothing themselves: test_transfer.py, test_joint.py; exact distances need
# classifiers that have them: test_exact_l2.py
ELSEWHERE = {"transfer", "joint", "exact_l2"}

every_attack = pytest.mark.parametrize(("kind", "norm"), COMPUTING)


def make(kind: str, norm: str, epsilon: float | tuple[float, ...] | None = (0.0, 0.05, 0.2)) -> AttackPart:
    return ATTACKS.load(kind).model_validate({"kind": kind, **FAST[kind], "norm": norm, "epsilon": epsilon})


class Trained(nn.Module):
    """A small network with weights that require gradients, dropout and batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.body = nn.Sequential(
                nn.Flatten(), nn.Linear(25, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 4)
            )

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.body(inputs)
        return logits


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(12, 1, 5, 5, generator=generator), torch.randint(0, 4, (12,), generator=generator)


def test_every_kind_has_a_case() -> None:
    assert not (lost := set(ATTACKS.kinds()) - set(FAST) - ELSEWHERE), f"no quick settings in FAST for {lost}"
    assert set(FAST) | ELSEWHERE <= set(ATTACKS.kinds())


@every_attack
def test_shapes_and_types(kind: str, norm: str) -> None:
    problem = Problem(4, (1, 5, 5), n=7)
    result = problem.run(make(kind, norm))
    assert result.adversarials.shape == (3, 7, 1, 5, 5)
    assert result.adversarials.dtype == np.float32
    assert result.claimed.shape == (3, 7)
    assert result.claimed.dtype == np.bool_
    if make(kind, norm).minimises:
        assert result.norms is not None
        assert result.norms.shape == (7,)
        assert result.norms.dtype == np.float64
    else:
        assert result.norms is None


@every_attack
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    low=st.sampled_from([0.0, -1.0, 0.3]),
    span=st.sampled_from([1.0, 0.7, 255.0]),
    share=st.floats(1e-4, 0.6),
    seed=st.integers(0, 2**63 - 1),
    classes=st.sampled_from([2, 3, 5]),
)
def test_within_budget_and_bounds(
    kind: str, norm: str, low: float, span: float, share: float, seed: int, classes: int
) -> None:
    bounds = Bounds(low, low + span)
    problem = Problem(classes, (1, 5, 5), bounds, n=6, seed=seed % 1000)
    grid = (0.0, share * span / 2, share * span)
    result = problem.run(make(kind, norm, grid), seed)
    sizes = norms(problem.inputs, result.adversarials, make(kind, norm).threat_norm)
    for index, epsilon in enumerate(grid):
        assert (sizes[index] <= epsilon * (1 + 1e-5) + 1e-6).all()
    assert result.adversarials.min() >= np.float32(bounds.low)
    assert result.adversarials.max() <= np.float32(bounds.high)
    np.testing.assert_array_equal(result.adversarials[0], problem.inputs.numpy())


@every_attack
def test_leaves_the_classifier_and_the_generators_alone(kind: str, norm: str, images: tuple[Tensor, Tensor]) -> None:
    module = Trained().train()
    module.body[4].eval()
    weights = list(module.parameters())
    weights[0].requires_grad_(False)
    weights[1].grad = torch.full_like(weights[1], 7.0)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    torch.manual_seed(5)
    state, numpy_state = torch.get_rng_state(), str(np.random.get_state(legacy=False))  # noqa: NPY002

    make(kind, norm).run(Target(module, Bounds(0, 1), 4), *images, 3, lambda _: None)

    assert torch.equal(torch.get_rng_state(), state)
    assert str(np.random.get_state(legacy=False)) == numpy_state  # noqa: NPY002
    assert [part.training for part in module.modules()] == modes
    assert [weight.requires_grad for weight in weights] == [False] + [True] * (len(weights) - 1)
    assert [weight.grad is None for weight in weights] == [True, False] + [True] * (len(weights) - 2)
    assert torch.equal(weights[1].grad, torch.full_like(weights[1], 7.0))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@every_attack
def test_same_seed_same_result(kind: str, norm: str, images: tuple[Tensor, Tensor]) -> None:
    target = Target(Trained(), Bounds(0, 1), 4)
    runs = []
    for outer in (1, 2):
        torch.manual_seed(outer)
        runs.append(make(kind, norm).run(target, *images, 3, lambda _: None))
    np.testing.assert_array_equal(runs[0].adversarials, runs[1].adversarials)
    np.testing.assert_array_equal(runs[0].claimed, runs[1].claimed)


@every_attack
def test_attacks_in_evaluation_mode(kind: str, norm: str, images: tuple[Tensor, Tensor]) -> None:
    module = Trained()
    target = Target(module, Bounds(0, 1), 4)
    module.eval()
    expected = make(kind, norm).run(target, *images, 3, lambda _: None)
    module.train()
    np.testing.assert_array_equal(
        make(kind, norm).run(target, *images, 3, lambda _: None).adversarials, expected.adversarials
    )


@every_attack
def test_refuses_inputs_outside_the_bounds(kind: str, norm: str) -> None:
    problem = Problem(3, (1, 5, 5), n=4)
    for outside in (1.5, float("nan")):
        inputs = problem.inputs.clone()
        inputs[2, 0, 1, 1] = outside
        with pytest.raises(PartError, match=r"expected inputs within \[0, 1\], got values from"):
            make(kind, norm).run(problem.target, inputs, problem.labels, 0, lambda _: None)


@every_attack
def test_refuses_labels_that_do_not_fit(kind: str, norm: str) -> None:
    problem = Problem(3, (1, 5, 5), n=4)
    with pytest.raises(PartError, match="expected labels from 0 to 2, got 3 to 3"):
        make(kind, norm).run(problem.target, problem.inputs, torch.full((4,), 3), 0, lambda _: None)
    with pytest.raises(PartError, match="expected a label for every input, got 4 inputs and 3 labels"):
        make(kind, norm).run(problem.target, problem.inputs, problem.labels[:3], 0, lambda _: None)


@every_attack
def test_progress_rises_to_one(kind: str, norm: str) -> None:
    problem = Problem(3, (1, 5, 5), n=300)
    told: list[float] = []
    make(kind, norm).run(problem.target, problem.inputs, problem.labels, 0, told.append)
    assert told == sorted(told)
    assert told[0] < 0.6
    assert told[-1] == pytest.approx(1.0)


@every_attack
def test_takes_feature_vectors(kind: str, norm: str) -> None:
    problem = Problem(2, (2,), Bounds(-2, 3), n=30)
    attack = make(kind, norm, (0.5, 2.0))
    result = problem.run(attack)
    fooled = problem.fooled(result)
    assert result.adversarials.shape == (2, 30, 2)
    assert fooled[1].sum() > 0
    assert not fooled[1][problem.worst_margins(2.0002, attack.threat_norm) > 0].any()


@every_attack
def test_no_inputs_no_work(kind: str, norm: str) -> None:
    problem = Problem(3, (1, 5, 5), n=4)
    result = make(kind, norm).run(problem.target, problem.inputs[:0], problem.labels[:0], 0, lambda _: None)
    assert result.adversarials.shape == (3, 0, 1, 5, 5)


@every_attack
def test_one_input_alone(kind: str, norm: str) -> None:
    problem = Problem(4, (1, 5, 5), n=1)
    result = problem.run(make(kind, norm))
    np.testing.assert_array_equal(result.claimed, problem.fooled(result))


class NotANumber(nn.Module):
    """Correct at the clean images, NaN anywhere else."""

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.inputs = inputs

    def forward(self, inputs: Tensor) -> Tensor:
        near = (inputs[:, None] - self.inputs[None]).abs().flatten(2).amax(2).amin(1) < 1e-6
        logits = torch.stack([torch.ones(len(inputs)), inputs.flatten(1).sum(1) * 1e-3], 1)
        return torch.where(near[:, None], logits, torch.nan)


@every_attack
def test_a_nan_logit_is_no_success(kind: str, norm: str) -> None:
    inputs = torch.rand(5, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    target = Target(NotANumber(inputs), Bounds(0, 1), 2)
    result = make(kind, norm).run(target, inputs, torch.zeros(5, dtype=torch.int64), 0, lambda _: None)
    assert np.isfinite(result.adversarials).all()
    if result.norms is not None:
        assert np.isinf(result.norms).all()
        for adversarials in result.adversarials:
            np.testing.assert_array_equal(adversarials, inputs.numpy())


@every_attack
def test_a_constant_classifier_cannot_be_fooled(kind: str, norm: str) -> None:
    problem = Problem(3, (1, 5, 5), n=4)
    with torch.no_grad():
        for weight in problem.module.parameters():
            weight.zero_()
    result = make(kind, norm).run(problem.target, problem.inputs, torch.zeros(4, dtype=torch.int64), 0, lambda _: None)
    assert not result.claimed.any()
    assert result.norms is None or np.isinf(result.norms).all()


class Quantised(nn.Module):
    """Logits without a gradient."""

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.stack([inputs.flatten(1).sum(1).round(), torch.ones(len(inputs))], 1)


@every_attack
def test_gradient_less_classifiers_are_refused_where_a_gradient_is_needed(kind: str, norm: str) -> None:
    inputs, labels = torch.full((3, 1, 5, 5), 0.9), torch.zeros(3, dtype=torch.int64)
    attack, target = make(kind, norm), Target(Quantised(), Bounds(0, 1), 2)
    if attack.needs_gradients:
        with pytest.raises(PartError, match="no gradient in its inputs"):
            attack.run(target, inputs, labels, 0, lambda _: None)
    else:
        assert not attack.run(target, inputs, labels, 0, lambda _: None).claimed.any()


@every_attack
def test_claims_what_predicting_again_confirms(kind: str, norm: str, images: tuple[Tensor, Tensor]) -> None:
    module = Trained().eval()
    inputs, labels = images
    result = make(kind, norm).run(Target(module, Bounds(0, 1), 4), inputs, labels, 3, lambda _: None)
    for adversarials, claimed in zip(result.adversarials, result.claimed, strict=True):
        np.testing.assert_array_equal(claimed, predict(module, adversarials) != labels.numpy())
