"""Exact distances of linear classifiers within a box, against general solvers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, linprog, minimize

from qaml.quantum.distance.box import hyperplane_in_box
from qaml.quantum.distance.smallest import hyperplane_l2
from qaml.types import Bounds
from qaml.vocab import Norm

Array = NDArray[np.float64]


def problem(seed: int, bounds: Bounds, n: int = 8) -> tuple[Array, Array, Array, NDArray[np.int64]]:
    """Weights with zeros among them, and inputs of which many lie on the bounds."""
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(3, 5)) * (generator.random((3, 5)) < 0.8)
    bias = 0.3 * generator.normal(size=3)
    inputs = generator.uniform(bounds.low - 0.5, bounds.high + 0.5, size=(n, 5)).clip(*bounds)
    return weights, bias, inputs, (inputs @ weights.T + bias).argmax(axis=1)


def solved(direction: Array, margin: float, clean: Array, bounds: Bounds, norm: Norm) -> float:
    """min ‖δ‖ such that direction · δ ≥ margin within the box, by a solver that knows nothing of its structure."""
    box = [(bounds.low - value, bounds.high - value) for value in clean]
    n = len(clean)
    if norm == "linf":
        rows = np.vstack([np.append(-direction, 0.0), np.c_[np.eye(n), -np.ones(n)], np.c_[-np.eye(n), -np.ones(n)]])
        found = linprog(np.eye(n + 1)[n], rows, np.append(-margin, np.zeros(2 * n)), bounds=[*box, (0, None)])
        return float(found.fun or 0.0) if found.status == 0 else np.inf
    start = np.where(direction > 0, bounds.high - clean, bounds.low - clean)
    if direction @ start < margin:
        return np.inf
    best = minimize(  # type: ignore[call-overload]
        lambda z: float(z @ z),
        start,
        jac=lambda z: 2 * z,
        bounds=box,
        constraints=LinearConstraint(direction, margin, np.inf),
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return float(np.sqrt(best.fun))


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("bounds", [Bounds(0, 1), Bounds(-1, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_a_solver_finds(seed: int, bounds: Bounds, norm: Norm) -> None:
    weights, bias, inputs, labels = problem(seed, bounds)
    found = hyperplane_in_box(weights, bias, inputs, labels, bounds, norm)
    for clean, label, distance in zip(inputs, labels, found, strict=True):
        logits = weights @ clean + bias
        others = [j for j in range(3) if j != label]
        truth = min(solved(weights[j] - weights[label], logits[label] - logits[j], clean, bounds, norm) for j in others)
        assert distance == pytest.approx(truth, abs=1e-9)


def test_some_boxes_hold_no_adversarial() -> None:
    """A class that wins in every corner: infinite."""
    weights, bias = np.array([[1.0, 1.0], [0.5, 0.5]]), np.array([0.1, 0.0])
    found = hyperplane_in_box(weights, bias, np.array([[0.5, 0.2]]), np.array([0]), Bounds(0, 1))
    assert np.isinf(found).all()
    assert np.isfinite(hyperplane_l2(weights, bias, np.array([[0.5, 0.2]]), np.array([0])).norms).all()


def test_far_bounds_change_nothing_and_near_ones_only_make_it_larger() -> None:
    weights, bias, inputs, labels = problem(7, Bounds(0, 1), n=50)
    free = hyperplane_l2(weights, bias, inputs, labels).norms
    np.testing.assert_allclose(hyperplane_in_box(weights, bias, inputs, labels, Bounds(-99, 99)), free, rtol=1e-12)
    within = hyperplane_in_box(weights, bias, inputs, labels, Bounds(0, 1))
    assert (within >= free * (1 - 1e-12)).all()
    assert (within > 1.01 * free).any()


def test_a_wrong_answer_has_no_distance() -> None:
    weights, bias, inputs, labels = problem(3, Bounds(0, 1))
    assert (hyperplane_in_box(weights, bias, inputs, (labels + 1) % 3, Bounds(0, 1)) == 0).all()
