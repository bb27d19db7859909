"""Exact smallest L2 perturbations of classifiers with quadratic or linear logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.errors import PartError
from qaml.quantum.distance.quadric import Quadric, quadric_distance
from qaml.types import DoubleArray, IntArray

CHUNK = 256
"""Number of images projected at once: their coordinates stay in the cache, and memory is bounded."""


class ExactDistances(NamedTuple):
    """The smallest perturbations that take inputs to the boundary of their label's region.

    Attributes:
        norms: (n,) L2; 0 where the label does not win (a tie included), infinite where no other class can win.
        nearest: (n, d) the nearest points of the boundary, a tie; the input itself where the norm is 0 or infinite.
        classes: (n,) the class met there; the winner where the label does not win, −1 where the norm is infinite.
        dual: (n,) certificates: lower bounds of the norms from the Lagrangian dual.
    """

    norms: DoubleArray
    nearest: DoubleArray
    classes: IntArray
    dual: DoubleArray


def exact_l2(
    observables: DoubleArray, inputs: DoubleArray, labels: IntArray, progress: Callable[[float], None] | None = None
) -> ExactDistances:
    """The exact smallest untargeted perturbations of a classifier with logits xᵀO_kx/‖x‖².

    The boundary between the label y and another class j is {x : xᵀMx = 0}, M = O_y − O_j, so the smallest perturbation
    is the smallest projection over j. It is an infimum: a hair beyond flips. Bounds of the inputs are ignored. One
    eigendecomposition serves a pair of classes both ways.

    Args:
        observables: (k, d, d) float64, symmetric, restricted to the d features (padding excluded).
        inputs: (n, d) float64; the zero vector has no direction, every class ties there and its norm is 0.
        labels: (n,) true labels.
        progress: called with the share of pairs of classes that are done.

    Raises:
        PartError: shapes or labels do not fit, or an observable is not finite.
    """
    if observables.ndim != 3 or observables.shape[1] != observables.shape[2]:
        raise PartError(f"expected observables of shape (classes, d, d), got {observables.shape}")
    _check_finite(observables)
    _check(inputs, labels, len(observables), observables.shape[1])
    best = _Best(inputs, labels)
    present = set(labels.tolist())
    pairs = [pair for pair in combinations(range(len(observables)), 2) if present & set(pair)]
    for number, (one, other) in enumerate(pairs):
        difference = observables[one] - observables[other]
        quadric = Quadric.of((difference + difference.T) / 2)
        best.improve(quadric, one, other)
        if other in present:
            best.improve(quadric.negated(), other, one)
        if progress is not None:
            progress((number + 1) / len(pairs))
    return best.found()


class _Best:
    """The nearest boundary of every input so far."""

    def __init__(self, inputs: DoubleArray, labels: IntArray) -> None:
        self._inputs = inputs
        self._labels = labels
        self._norms = np.full(len(inputs), np.inf)
        self._dual = np.full(len(inputs), np.inf)
        self._nearest = inputs.copy()
        self._classes = np.full(len(inputs), -1, dtype=np.int64)
        self._lowest_form = np.zeros(len(inputs))

    def improve(self, quadric: Quadric, label: int, other: int) -> None:
        """Consider the boundary between a label and another class for the inputs of this label."""
        for rows in _chunks(np.flatnonzero(self._labels == label)):
            projection = quadric_distance(quadric, self._inputs[rows])
            self._dual[rows] = np.minimum(self._dual[rows], projection.dual)
            # where several classes beat the label, the one ahead of it by most is the winner
            is_lost = projection.norms == 0
            ahead = is_lost & (projection.forms < self._lowest_form[rows])
            nearer = (projection.norms < self._norms[rows]) | ahead
            chosen = rows[nearer]
            self._norms[chosen] = projection.norms[nearer]
            self._classes[chosen] = other
            self._nearest[chosen] = self._inputs[chosen] + projection.offsets[nearer] @ quadric.vectors.T
            self._lowest_form[rows[ahead]] = projection.forms[ahead]

    def found(self) -> ExactDistances:
        return ExactDistances(self._norms, self._nearest, self._classes, self._dual)


def hyperplane_l2(weights: DoubleArray, bias: DoubleArray, inputs: DoubleArray, labels: IntArray) -> ExactDistances:
    """The exact smallest untargeted perturbations of a classifier with logits Wx + b: margin / ‖w_y − w_j‖₂.

    Args:
        weights: (k, d) float64.
        bias: (k,) float64.
        inputs: (n, d) float64.
        labels: (n,) true labels.

    Raises:
        PartError: shapes or labels do not fit, or a weight is not finite.
    """
    if weights.ndim != 2 or bias.shape != weights.shape[:1]:
        raise PartError(f"expected weights (classes, d) and bias (classes,), got {weights.shape} and {bias.shape}")
    _check_finite(weights, bias)
    _check(inputs, labels, *weights.shape)
    rows = np.arange(len(inputs))
    logits = inputs @ weights.T + bias
    margins = logits[rows, labels][:, None] - logits
    lengths = np.linalg.norm(weights[:, None] - weights[None], axis=2)[labels]
    with np.errstate(divide="ignore", invalid="ignore"):
        radii = np.where(margins > 0, margins / lengths, 0.0)
    margins[rows, labels] = radii[rows, labels] = np.inf
    classes = np.where((margins <= 0).any(axis=1), margins.argmin(axis=1), radii.argmin(axis=1)).astype(np.int64)
    norms = radii[rows, classes]
    normals = weights[classes] - weights[labels]
    lengths = lengths[rows, classes]
    moved = np.isfinite(norms) & (norms > 0)
    nearest = inputs + np.where(moved, norms / np.where(moved, lengths, 1.0), 0.0)[:, None] * normals
    return ExactDistances(norms, nearest, np.where(np.isfinite(norms), classes, -1), norms)


def _chunks(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _check_finite(*arrays: DoubleArray) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise PartError("the classifier has weights that are not finite", "its training diverged: lower 'training.lr'")


def _check(inputs: DoubleArray, labels: IntArray, n_classes: int, n_features: int) -> None:
    if inputs.ndim != 2 or inputs.shape[1] != n_features:
        raise PartError(f"expected inputs of shape (n, {n_features}), got {inputs.shape}")
    if labels.shape != inputs.shape[:1]:
        raise PartError(
            f"expected a label for every input, got {len(inputs)} inputs and labels of shape {labels.shape}"
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < n_classes):
        raise PartError(f"expected labels from 0 to {n_classes - 1}, got {labels.min()} to {labels.max()}")
