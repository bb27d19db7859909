"""Distances by brute force: every direction of a dense grid, then polished with a general optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from qaml.types import DoubleArray


def directions(d: int, n: int = 40_000) -> DoubleArray:
    """Unit vectors (n, d), dense on the sphere."""
    if d == 2:
        angles = np.linspace(0, np.pi, n)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    vectors = np.random.default_rng(0).normal(size=(n, d))
    unit: DoubleArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def searched_distance(matrix: DoubleArray, point: DoubleArray) -> float:
    """Distance to {z : zᵀMz ≤ 0}: the ray of the grid that comes nearest, from which SLSQP goes on; six times."""
    rays = directions(len(point))
    inside = rays[np.einsum("ni,ij,nj->n", rays, matrix, rays) < 0]
    if not len(inside):
        return float("inf")
    reached = inside @ point
    best = np.argsort(-np.abs(reached))[:6]
    starts = inside[best] * reached[best, None]
    return min(_polished(matrix, point, start) for start in starts)


def _polished(matrix: DoubleArray, point: DoubleArray, start: DoubleArray) -> float:
    cone: Any = {"type": "ineq", "fun": lambda z: -z @ matrix @ z, "jac": lambda z: -2 * matrix @ z}
    polish: Any = minimize  # its stubs know no gradient in a lambda
    result = polish(
        lambda z: ((z - point) ** 2).sum(),
        start,
        jac=lambda z: 2 * (z - point),
        method="SLSQP",
        constraints=cone,
        options={"ftol": 1e-15, "maxiter": 200},
    )
    feasible = result.x @ matrix @ result.x <= 1e-9
    polished = float(np.linalg.norm(result.x - point)) if feasible else float("inf")
    return min(polished, float(np.linalg.norm(start - point)))


def symmetric(rng: np.random.Generator, *shape: int) -> DoubleArray:
    """Random symmetric matrices (*shape, shape[-1])."""
    square = rng.normal(size=(*shape, shape[-1]))
    return (square + np.swapaxes(square, -1, -2)) / 2


def logits(observables: DoubleArray, inputs: DoubleArray) -> DoubleArray:
    """xᵀO_kx, (n, k)."""
    values: DoubleArray = np.einsum("ni,kij,nj->nk", inputs, observables, inputs, optimize=True)
    return values


def predicted(observables: DoubleArray, inputs: DoubleArray) -> NDArray[np.int64]:
    """The winners, (n,)."""
    winners: NDArray[np.int64] = logits(observables, inputs).argmax(axis=1)
    return winners
