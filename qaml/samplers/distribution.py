"""A machine's own distribution, exactly or by parallel tempering: the reference for the estimates of samplers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.samplers.base import MOST_UNITS, BoltzmannParameters, Moments
from qaml.samplers.conditional import hidden_means
from qaml.samplers.exact.enumeration import all_states, enumerate_machine
from qaml.samplers.tempering.part import ParallelTempering
from qaml.types import DoubleArray, FloatArray

_LEVELS, _CHAINS = 20, 100
_APART = 10
"""Number of sweeps from one measurement to the next."""
_FIRST, _MOST = 25, 400
"""Measurements of the first and of the last stage; each is twice as long as the one before, whose end it starts at."""
GOOD_ENOUGH = 0.3
"""Standard error of the moments, in units of what the samples to be judged would deviate by chance."""


class Distribution(NamedTuple):
    """Averages and spreads of a sample's contributions to a machine's moments.

    Attributes:
        moments: ⟨v hᵀ⟩, ⟨v⟩ and ⟨h⟩, float64.
        variances: variances of v_i P(h_j = 1 | v), v_i and P(h_j = 1 | v): divided by n, those of n samples' averages.
        errors: standard errors of the moments, root mean square; zeros where they are exact.
        visible: (states, n_visible) uint8, the states that follow.
        shares: (states,) the probability of each state; the same for all of them where they were drawn.
        is_exact: whether every state was summed.
    """

    moments: Moments[Any]
    variances: Moments[Any]
    errors: tuple[float, float, float]
    visible: NDArray[np.uint8]
    shares: DoubleArray
    is_exact: bool


def distribution_of(
    parameters: BoltzmannParameters[FloatArray], data: FloatArray, seed: int, draws: float = 500.0
) -> Distribution:
    """A machine's distribution: by enumeration up to 20 units, else by parallel tempering.

    Two sets of tempered chains start far apart, at random states and at data; their difference is the reference's own
    error. They run for twice as long until it is small enough, each time without the earlier measurements.

    Args:
        parameters: the machine.
        data: (n, n_visible) in [0, 1].
        seed: seed of the chains.
        draws: number of independent samples whose deviation is the scale of the accepted error.
    """
    if sum(parameters.weights.shape) <= MOST_UNITS:
        return _enumerated(parameters)
    sets = [_started(parameters, start, seed + i) for i, start in enumerate((None, data))]
    n_measured = _FIRST
    while True:
        halves = [_measured(parameters, chains, n_measured) for chains in sets]
        found = _summed(parameters, np.concatenate(halves))
        one, other = (_summed(parameters, half).moments for half in halves)
        # each half is off by √2 of the error of the mean of both, their difference by twice it
        errors = [float(np.sqrt(np.mean((a - b) ** 2)) / 2) for a, b in zip(one, other, strict=True)]
        floors = floors_of(found, draws)
        is_enough = all(error <= GOOD_ENOUGH * floor for error, floor in zip(errors, floors, strict=True))
        if is_enough or n_measured >= _MOST:
            return found._replace(errors=(errors[0], errors[1], errors[2]))
        n_measured *= 2


def floors_of(distribution: Distribution, draws: float) -> tuple[float, float, float]:
    """The deviation of the moments of independent samples, root mean square: products, visible, hidden."""
    products, visible, hidden = (float(np.sqrt(np.mean(variance) / draws)) for variance in distribution.variances)
    return products, visible, hidden


def _enumerated(parameters: BoltzmannParameters[FloatArray]) -> Distribution:
    visible = all_states(parameters.weights.shape[0]).astype(np.uint8)
    weights, visible_bias, hidden_bias = (np.asarray(p, np.float64) for p in parameters)
    logs = visible @ visible_bias + np.logaddexp(0, visible @ weights + hidden_bias).sum(axis=1)
    shares = np.exp(logs - enumerate_machine(parameters).log_z)
    return _weighed(parameters, visible, shares)._replace(is_exact=True)


def _started(parameters: BoltzmannParameters[FloatArray], start: FloatArray | None, seed: int) -> Any:
    """Tempered chains at random states, or all of them at draws of examples."""
    n_visible, n_hidden = parameters.weights.shape
    phase: Any = ParallelTempering(sweeps=_APART, chains=_CHAINS, levels=_LEVELS).start(n_visible, n_hidden, seed)
    if start is not None:
        rng = np.random.default_rng(seed)
        means = start[rng.integers(len(start), size=_CHAINS * _LEVELS)]
        phase.restore({**phase.state(), "visible": (rng.random(means.shape) < means).astype(np.uint8)})
    for _ in range(_FIRST):
        phase.moments(parameters, None)
    return phase


def _measured(parameters: BoltzmannParameters[FloatArray], phase: Any, n_measured: int) -> NDArray[np.uint8]:
    """Visible units of the chains at inverse temperature 1, time after time."""
    drawn = []
    for _ in range(n_measured):
        phase.moments(parameters, None)
        drawn.append(phase.samples())
    return np.concatenate(drawn)


def _summed(parameters: BoltzmannParameters[FloatArray], visible: NDArray[np.uint8]) -> Distribution:
    return _weighed(parameters, visible, np.full(len(visible), 1 / len(visible)))


def _weighed(
    parameters: BoltzmannParameters[FloatArray], visible: NDArray[np.uint8], shares: DoubleArray
) -> Distribution:
    units = visible.astype(np.float32)
    hidden = hidden_means(parameters, units).astype(np.float64)
    weighed = units * shares[:, None]
    first = Moments(weighed.T @ hidden, weighed.sum(axis=0), shares @ hidden)
    # v is 0 or 1, so that its square is v
    second = Moments(weighed.T @ hidden**2, first.visible, shares @ hidden**2)
    variances = Moments(*(np.maximum(b - a**2, 0) for a, b in zip(first, second, strict=True)))
    return Distribution(first, variances, (0.0, 0.0, 0.0), visible, shares, is_exact=False)
