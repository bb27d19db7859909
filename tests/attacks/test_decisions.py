"""HopSkipJump and the boundary attack: distances that are known, starts, and the queries that they take."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qaml.attacks.minimisation.part import Boundary, DecisionAttack, HopSkipJump
from qaml.types import Bounds
from tests.attacks.stepwise import Counting, Neighbour, Stump, planted
from tests.attacks.truth import Problem

OPEN = Bounds(-math.inf, math.inf)
CORNERS = torch.tensor([[0.2, 0.1], [0.8, 0.3], [0.4, 0.9]])


@pytest.mark.parametrize(
    ("part", "at_most"),
    [
        (HopSkipJump(norm="l2", queries=600), 1.1),
        (HopSkipJump(norm="linf", queries=600), 1.15),
        (Boundary(queries=700), 1.3),
    ],
    ids=lambda each: f"{each.kind}-{each.norm}" if isinstance(each, DecisionAttack) else "",
)
def test_the_median_distance_of_a_linear_model_is_near_the_exact_one(part: DecisionAttack, at_most: float) -> None:
    problem = Problem(3, (4,), spread=0.3, n=15)
    norms = problem.run(part).norms
    assert norms is not None
    ratios = norms / problem.radii(part.norm)
    assert np.median(ratios) <= at_most
    assert ratios.min() >= 1 - 1e-4


@pytest.mark.parametrize("bounds", [Bounds(0, 1), OPEN], ids=Bounds.in_words)
@pytest.mark.parametrize(
    ("module", "part"),
    [
        (Stump(), HopSkipJump(norm="linf", queries=300)),
        (Stump(), HopSkipJump(norm="l2", queries=300)),
        (Neighbour(CORNERS), HopSkipJump(norm="l2", queries=400)),
        (Neighbour(CORNERS), Boundary(queries=400)),
    ],
    ids=lambda each: each.kind if isinstance(each, DecisionAttack) else type(each).__name__,
)
def test_models_without_gradients_have_the_distances_that_they_have(
    module: Stump | Neighbour, part: DecisionAttack, bounds: Bounds
) -> None:
    target, inputs = planted(module, bounds)
    found = part.run(target._replace(n_classes=3), inputs, module(inputs).argmax(1), 1, lambda _: None).norms
    assert found is not None
    exact = module.distances(inputs)
    assert (found >= exact - 1e-6).all()
    assert np.median(found / exact) <= (1.05 if isinstance(part, HopSkipJump) else 1.25)


@pytest.mark.parametrize("part", [HopSkipJump(queries=200), HopSkipJump(queries=7), Boundary(queries=60)])
def test_queries_are_counted_and_not_exceeded(part: DecisionAttack) -> None:
    problem = Problem(3, (6,), n=20)
    counting = Counting(problem.module)
    result = part.run(problem.target._replace(module=counting), problem.inputs, problem.labels, 0, lambda _: None)
    assert result.queries is not None
    # beside these: whether clean inputs are right, the library's count, and the last word on adversarials
    assert counting.points - 3 * 20 == result.queries.sum()
    assert result.queries.max() <= part.queries
    assert result.norms is not None
    assert np.isfinite(result.norms).all()


class Hidden(nn.Module):
    """One class on the inputs; another one in a share of the box that noise finds, or none at all."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        other = (inputs[:, 0] > 1 - self.share).float()
        return torch.stack([1 - other, other], 1)


@pytest.mark.parametrize("part", [HopSkipJump(queries=200), Boundary(queries=100)], ids=lambda part: part.kind)
def test_without_another_answer_among_the_images_noise_is_the_start(part: DecisionAttack) -> None:
    target, inputs = planted(Hidden(0.2), Bounds(0, 2))
    labels = torch.zeros(40, dtype=torch.int64)
    found = part.run(target._replace(module=Hidden(-0.1)), inputs, labels, 0, lambda _: None)
    exact = 1.1 - inputs[:, 0].double().numpy()
    assert found.norms is not None
    assert np.isfinite(found.norms).all()
    assert (found.norms >= exact - 1e-6).all()
    nothing = part.run(target._replace(module=Hidden(-2.0)), inputs, labels, 0, lambda _: None)
    assert nothing.norms is not None
    assert np.isinf(nothing.norms).all()
    np.testing.assert_array_equal(nothing.adversarials[0], inputs.numpy())


class Undecided(nn.Module):
    """Answers at random."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        return torch.rand(len(inputs), 2, generator=self.generator)


@pytest.mark.parametrize("part", [HopSkipJump(queries=150), Boundary(queries=50)], ids=lambda part: part.kind)
def test_a_model_that_answers_at_random_is_no_endless_search(part: DecisionAttack) -> None:
    target, inputs = planted(Undecided(), Bounds(0, 1))
    result = part.run(target, inputs, torch.zeros(40, dtype=torch.int64), 0, lambda _: None)
    assert result.queries is not None
    assert result.queries.max() <= part.queries
