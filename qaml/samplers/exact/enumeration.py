"""log Z and the model averages of a small machine, by enumeration in float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from qaml.samplers.base import BoltzmannParameters, Moments
from qaml.types import AnyArray, DoubleArray, FloatArray

_BLOCK = 4096
"""Number of states summed at once."""


class Enumeration(NamedTuple):
    """A machine's partition function and moments.

    Attributes:
        log_z: log Σ exp(−E(v, h)).
        moments: exact moments, float64.
    """

    log_z: float
    moments: Moments[DoubleArray]


def enumerate_machine(parameters: BoltzmannParameters[Any]) -> Enumeration:
    """Sum over every state of the smaller layer; the other layer is summed analytically.

    Cost: 2^(units of the smaller layer) × n_visible × n_hidden.
    """
    weights, visible_bias, hidden_bias = (np.asarray(p, np.float64) for p in parameters)
    if weights.shape[0] < weights.shape[1]:
        log_z, products, hidden, visible = _sum_states(weights.T, hidden_bias, visible_bias)
        return Enumeration(log_z, Moments(products.T, visible, hidden))
    log_z, products, visible, hidden = _sum_states(weights, visible_bias, hidden_bias)
    return Enumeration(log_z, Moments(products, visible, hidden))


def all_states(n: int, start: int = 0, stop: int | None = None) -> DoubleArray:
    """The states start … stop − 1 of n binary units, (states, n), lowest bit first."""
    numbers = np.arange(start, 2**n if stop is None else stop)
    return ((numbers[:, None] >> np.arange(n)) & 1).astype(np.float64)


def _sum_states(
    weights: DoubleArray, free_bias: DoubleArray, bias: DoubleArray
) -> tuple[float, DoubleArray, DoubleArray, DoubleArray]:
    """Return log Z, ⟨free statesᵀ⟩, ⟨free⟩, ⟨states⟩; weights (free units, enumerated units)."""
    n = len(bias)
    largest, total = -np.inf, 0.0
    products, free, enumerated = np.zeros_like(weights), np.zeros_like(free_bias), np.zeros_like(bias)
    for start in range(0, 2**n, _BLOCK):
        states = all_states(n, start, min(start + _BLOCK, 2**n))
        activations = states @ weights.T + free_bias
        log_weights = states @ bias + np.logaddexp(0, activations).sum(axis=1)
        # the sums are kept relative to the largest weight so far
        peak = max(largest, float(log_weights.max()))
        shrink = float(np.exp(largest - peak))
        p = np.exp(log_weights - peak)
        means = (0.5 + 0.5 * np.tanh(0.5 * activations)) * p[:, None]
        total = total * shrink + float(p.sum())
        products = products * shrink + means.T @ states
        free = free * shrink + means.sum(axis=0)
        enumerated = enumerated * shrink + p @ states
        largest = peak
    return largest + float(np.log(total)), products / total, free / total, enumerated / total


class ExactPhase:
    """The negative phase by enumeration; it has no state.

    Args:
        device: the device of the parameters: numpy arrays for ``cpu``, tensors otherwise.
    """

    def __init__(self, device: str) -> None:
        self._device = device

    def moments(self, parameters: BoltzmannParameters[Any], batch: Any) -> Moments[Any]:  # noqa: ARG002
        """The model's exact moments, float32."""
        if self._device == "cpu":
            return Moments(*(m.astype(np.float32) for m in enumerate_machine(parameters).moments))
        import torch

        on_host: BoltzmannParameters[FloatArray] = BoltzmannParameters(*(p.cpu().numpy() for p in parameters))
        exact = enumerate_machine(on_host).moments
        return Moments(*(torch.from_numpy(m).to(self._device, torch.float32) for m in exact))

    def state(self) -> Mapping[str, AnyArray]:
        """An empty state: every update is independent of the others."""
        return {}

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Do nothing: there is no state to restore."""
