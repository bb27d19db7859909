"""Exact smallest perturbations of a linear classifier within the bounds of its inputs."""

from __future__ import annotations

import numpy as np

from qaml.types import Bounds, DoubleArray, IntArray
from qaml.vocab import Norm

CHUNK = 2_000_000
"""Number of coordinates that are sorted at once."""


def hyperplane_in_box(
    weights: DoubleArray, bias: DoubleArray, inputs: DoubleArray, labels: IntArray, bounds: Bounds, norm: Norm = "l2"
) -> DoubleArray:
    """The exact smallest untargeted perturbations of a classifier with logits Wx + b that keep to the bounds.

    A rival j wins where a·δ ≥ m, with a = w_j − w_y and the margin m. Of all δ within the box the smallest that
    reaches it is clip(λa) in L2 and clip(λ sign a) in L∞: what it gains, a·δ, rises with λ, piecewise linearly, so λ
    follows from sorting the places where coordinates meet their bound (a continuous knapsack). It is an infimum: a
    hair beyond flips.

    Args:
        weights: W, (k, d) float64.
        bias: b, (k,) float64.
        inputs: (n, d) float64 within the bounds.
        labels: (n,) true labels.
        bounds: bounds of every coordinate; a side may be infinite.
        norm: norm that measures the perturbations.

    Returns:
        (n,) zero where the label does not win (a tie included), infinite where no rival can win within the box.
    """
    smallest = np.full(len(inputs), np.inf)
    size = max(1, CHUNK // max(1, inputs.shape[1]))
    for start in range(0, len(inputs), size):
        rows = slice(start, start + size)
        logits = inputs[rows] @ weights.T + bias
        own = np.take_along_axis(logits, labels[rows, None], axis=1)
        for rival in range(len(weights)):
            directions = weights[rival] - weights[labels[rows]]
            margins = np.where(labels[rows] == rival, np.inf, own[:, 0] - logits[:, rival])
            found = _smallest(directions, margins, inputs[rows], bounds, norm)
            smallest[rows] = np.minimum(smallest[rows], found)
    return smallest


def _smallest(
    directions: DoubleArray, margins: DoubleArray, inputs: DoubleArray, bounds: Bounds, norm: Norm
) -> DoubleArray:
    """The smallest δ within the box with directions · δ ≥ margins: (n,)."""
    sizes = np.abs(directions)
    room = np.where(directions > 0, bounds.high - inputs, inputs - bounds.low).clip(min=0)
    room = np.where(sizes > 0, room, 0.0)  # it may be infinite, and gains nothing where the direction is zero
    # δ_i = min(λ rate_i, room_i) along a_i, gaining |a_i| each
    rates = sizes if norm == "l2" else np.ones_like(sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        places = np.where(sizes > 0, room / rates, np.inf)
    order = np.argsort(places, axis=1)
    places, sizes, rates, room = (np.take_along_axis(each, order, axis=1) for each in (places, sizes, rates, room))
    slopes = _left(sizes * rates)
    met = _met(sizes * room)
    with np.errstate(invalid="ignore"):
        gains = met[:, 1:] + np.where(slopes[:, 1:] > 0, places * slopes[:, 1:], 0.0)
    segment = (gains < margins[:, None]).sum(axis=1)
    row = np.arange(len(inputs))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (margins - met[row, segment]) / slopes[row, segment]
        if norm == "linf":
            found = factor
        else:
            found = np.sqrt(_met(room**2)[row, segment] + factor**2 * _left(rates**2)[row, segment])
    reachable = slopes[row, segment] > 0
    found = np.where(reachable, found, np.inf)
    return np.where(margins <= 0, 0.0, np.where(np.isfinite(margins), found, np.inf))


def _met(values: DoubleArray) -> DoubleArray:
    """(n, d + 1): the sum of the coordinates that have met their bound, before each place and after the last."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def _left(values: DoubleArray) -> DoubleArray:
    """(n, d + 1): the sum of the coordinates that have not met their bound yet."""
    backwards = np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([backwards, np.zeros((len(values), 1))], axis=1)
