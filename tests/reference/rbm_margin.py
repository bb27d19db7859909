"""Whether any image within a ball changes an RBM's answer: branch and bound, in plain numpy.

The classifier's logits are minus its free energies (Kehoe et al. 2021, eq. 10), so class y beats class k by

    m(x) = b_y − b_k + Σ_j g_j(a_j),   a = c + Wx,   g_j(a) = softplus(a + u_jy) − softplus(a + u_jk).

Each g_j depends on one number. The Lagrangian dual splits a_j off from x: for every slope λ

    min_x m(x) ≥ b_y − b_k + Σ_j min_a [g_j(a) − λ_j a] + min_x λ·(c + Wx),

where a_j runs over an interval that it cannot leave, and x over the box of ball and bounds. Slopes are improved by
AdaGrad along the supergradient; where the bound stays negative, the interval of one a_j is cut in two. The minimum over
a is taken on a grid: |g''| ≤ 1/4 for a difference of softplus functions (each curves between 0 and 1/4), so between
grid points a distance h apart g lies at most h²/32 below the chord, and the slack is subtracted.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Answer = Literal["proved", "broken", "undecided"]

GRID = np.linspace(0.0, 1.0, 49)
STEPS_AT_ROOT = 150
STEPS = 60
ROUNDING = 1e-7
"""Margins are some tens at most and sums have a hundred terms: float64 is wrong by far less."""


class Machine(NamedTuple):
    """An RBM's classifier.

    Attributes:
        weights: (hidden, pixels).
        labels: (hidden, classes), the weights of the label's units.
        hidden_bias: (hidden,).
        label_bias: (classes,).
    """

    weights: Array
    labels: Array
    hidden_bias: Array
    label_bias: Array

    def logits(self, x: Array) -> Array:
        """(classes,) of one image (pixels,)."""
        activations = self.weights @ x + self.hidden_bias
        summed: Array = np.logaddexp(0, activations[:, None] + self.labels).sum(0) + self.label_bias
        return summed


class _Pair(NamedTuple):
    """Class y against class k within a box of images [middle − radius, middle + radius]."""

    machine: Machine
    y: int
    k: int
    middle: Array
    radius: Array

    def gain(self, activations: Array) -> Array:
        """g, (hidden, …)."""
        own, other = self.machine.labels[:, self.y], self.machine.labels[:, self.k]
        shape = (-1, *[1] * (activations.ndim - 1))
        gains: Array = np.logaddexp(0, activations + own.reshape(shape)) - np.logaddexp(
            0, activations + other.reshape(shape)
        )
        return gains


class _Bound(NamedTuple):
    """A lower bound of the margin, with what it came from.

    Attributes:
        value: of the bound.
        slopes: λ.
        image: the x that the dual's linear part prefers.
        activations: its a.
        split: each unit's a that the other part prefers; where the two differ, cutting helps.
    """

    value: float
    slopes: Array
    image: Array
    activations: Array
    split: Array


def verify(machine: Machine, x: Array, y: int, epsilon: float, nodes: int = 200) -> Answer:
    """Whether all images within ``epsilon`` in L∞ of ``x``, and within [0, 1], are of class ``y``.

    Args:
        machine: the classifier.
        x: (pixels,) in [0, 1].
        y: its class.
        epsilon: the budget.
        nodes: bounds computed at most, for each rival class.

    Returns:
        ``proved``, ``broken`` with an image found by the search, or ``undecided`` when nodes run out.
    """
    if int(machine.logits(x).argmax()) != y:
        return "broken"
    low, high = np.clip(x - epsilon, 0, 1), np.clip(x + epsilon, 0, 1)
    middle, radius = (low + high) / 2, (high - low) / 2
    rivals = np.argsort(-machine.logits(x))
    answers: list[Answer] = []
    for k in rivals[rivals != y]:
        answers.append(_search(_Pair(machine, y, int(k), middle, radius), nodes))
        if answers[-1] == "broken":
            return "broken"
    return "undecided" if "undecided" in answers else "proved"


def _search(pair: _Pair, nodes: int) -> Answer:
    reach = np.abs(pair.machine.weights) @ pair.radius
    centre = pair.machine.weights @ pair.middle + pair.machine.hidden_bias
    low, high = centre - reach, centre + reach
    root = _bound(pair, low, high, None, STEPS_AT_ROOT)
    order = count()
    heap = [(root.value, next(order), low, high, root)]
    for _ in range(nodes):
        value, _, low, high, bound = heapq.heappop(heap)
        if value > 0:
            return "proved"
        if int(pair.machine.logits(bound.image).argmax()) != pair.y:
            return "broken"
        for part_low, part_high in _halves(bound, low, high):
            part = _bound(pair, part_low, part_high, bound.slopes, STEPS)
            heapq.heappush(heap, (part.value, next(order), part_low, part_high, part))
    return "proved" if heap[0][0] > 0 else "undecided"


def _halves(bound: _Bound, low: Array, high: Array) -> list[tuple[Array, Array]]:
    """The interval of the unit that promises most, cut between what the two parts of the dual prefer."""
    width = high - low
    j = int((np.abs(bound.activations - bound.split) * width).argmax())
    middle = (bound.activations[j] + bound.split[j]) / 2
    cut = np.clip(middle, low[j] + 0.1 * width[j], high[j] - 0.1 * width[j])
    upper, lower = high.copy(), low.copy()
    upper[j] = lower[j] = cut
    return [(low, upper), (lower, high)]


def _bound(pair: _Pair, low: Array, high: Array, slopes: Array | None, steps: int) -> _Bound:
    """The best of the dual's values on the way; every one of them is a bound."""
    machine = pair.machine
    grid = low[:, None] + (high - low)[:, None] * GRID
    gains = pair.gain(grid)
    slack = float((((high - low) / (len(GRID) - 1)) ** 2 / 32).sum()) + ROUNDING
    if slopes is None:
        slopes = (gains[:, -1] - gains[:, 0]) / (grid[:, -1] - grid[:, 0] + 1e-12)
    constant = machine.label_bias[pair.y] - machine.label_bias[pair.k] - slack
    rows, squares, best = np.arange(len(low)), np.full(len(low), 1e-8), None
    for _ in range(steps):
        parts = gains - slopes[:, None] * grid
        at = parts.argmin(1)
        direction = slopes @ machine.weights
        linear = slopes @ machine.hidden_bias + direction @ pair.middle - np.abs(direction) @ pair.radius
        value = float(constant + parts[rows, at].sum() + linear)
        image = pair.middle - np.sign(direction) * pair.radius
        activations, split = machine.weights @ image + machine.hidden_bias, grid[rows, at]
        if best is None or value > best.value:
            best = _Bound(value, slopes, image, activations, split)
        if best.value > 0:
            break
        step = activations - split
        squares = squares + step**2
        slopes = slopes + 0.05 * step / np.sqrt(squares)
    assert best is not None
    return best
