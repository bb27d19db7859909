"""Square: exact where a corner is the worst case, as strong as the published one, on inputs of every kind."""

import math

import numpy as np
import pytest
import torch

from qaml.attacks.autoattack.part import AutoAttack
from qaml.attacks.square.part import Square
from qaml.types import Bounds
from qaml.vocab import Norm
from tests.attacks.stepwise import Counting, Stump, planted
from tests.attacks.truth import Problem, norms, predict

OPEN = Bounds(-math.inf, math.inf)


@pytest.mark.parametrize("bounds", [Bounds(0, 1), OPEN, Bounds(0, math.inf)], ids=Bounds.in_words)
def test_a_stump_is_fooled_up_to_its_exact_distance(bounds: Bounds) -> None:
    module = Stump()
    target, inputs = planted(module, bounds)
    labels = module(inputs).argmax(1)
    grid = (0.1, 0.2, 0.3)
    result = Square(epsilon=grid, queries=60).run(target, inputs, labels, 0, lambda _: None)
    for epsilon, claimed in zip(grid, result.claimed, strict=True):
        np.testing.assert_array_equal(claimed, module.distances(inputs) < epsilon)


def test_two_features_in_l2_need_more_queries_and_never_go_too_far() -> None:
    problem = Problem(2, (2,), OPEN._replace(low=-5, high=5), spread=0.1, n=60)
    radii = problem.radii("l2")
    epsilon = float(np.median(radii))
    fooled = problem.fooled(problem.run(Square(norm="l2", epsilon=(epsilon,), queries=300)))[0]
    assert not fooled[radii > epsilon].any()
    assert fooled[radii < 0.8 * epsilon].all()


@pytest.mark.parametrize(("norm", "shape"), [("linf", (3, 6, 6)), ("l2", (1, 7, 7))])
def test_it_fools_what_the_published_implementation_fools(norm: Norm, shape: tuple[int, ...]) -> None:
    problem = Problem(3, shape, n=40)
    epsilon = float(np.quantile(problem.radii(norm), 0.5))
    own, published = (
        problem.fooled(problem.run(part)).mean()
        for part in (
            Square(norm=norm, epsilon=(epsilon,), queries=60),
            AutoAttack(norm=norm, epsilon=(epsilon,), queries=60, members=("square",)),
        )
    )
    assert own >= 0.98 * published - 0.02
    assert own > 0.05


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("shape", [(1, 4, 9), (2, 11, 6), (1, 1, 1), (1,)])
def test_shapes_that_are_no_square(norm: Norm, shape: tuple[int, ...]) -> None:
    problem = Problem(2, shape, n=5)
    result = problem.run(Square(norm=norm, epsilon=(0.0, 0.3), queries=12))
    sizes = norms(problem.inputs, result.adversarials, norm)
    assert sizes[1].max() == pytest.approx(0.3, rel=0.5)
    np.testing.assert_array_equal(result.claimed, problem.fooled(result))


def test_queries_are_counted_and_end_with_success() -> None:
    problem = Problem(3, (1, 5, 5), n=30)
    counting = Counting(problem.module)
    grid = (0.0, 0.02, 0.2)
    part = Square(epsilon=grid, queries=40)
    result = part.run(problem.target._replace(module=counting), problem.inputs, problem.labels, 0, lambda _: None)
    assert result.queries is not None
    # each budget's adversarials are predicted once more, which the attacker does not see
    assert counting.points == result.queries.sum() + len(grid) * 30
    assert result.queries.max() == 40
    fooled = problem.fooled(result)
    assert (result.queries[~fooled & (np.array(grid) > 0)[:, None]] == 40).all()
    assert np.median(result.queries[2][fooled[2]]) < 10


def test_a_tie_of_flat_scores_leaves_the_search_where_it_is() -> None:
    module = Stump(2.0)  # beyond the inputs: every score is the same
    target, inputs = planted(module, Bounds(0, 1))
    result = Square(epsilon=(0.3,), queries=20).run(
        target, inputs, torch.zeros(40, dtype=torch.int64), 0, lambda _: None
    )
    assert not result.claimed.any()
    assert (predict(module, result.adversarials[0]) == 0).all()
