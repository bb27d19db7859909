"""Quantities of the visible units alone: hidden means, the averages over given visible units, free energies."""

from __future__ import annotations

import numpy as np

from qaml.samplers.base import BoltzmannParameters, Moments
from qaml.types import DoubleArray, FloatArray


def hidden_means(parameters: BoltzmannParameters[FloatArray], visible: FloatArray) -> FloatArray:
    """P(h_j = 1 | v) = σ(c_j + Σ_i v_i w_ij), (n, n_hidden), for visible units (n, n_visible) in [0, 1]."""
    means = visible @ parameters.weights
    means += parameters.hidden_bias
    # σ(x) = (1 + tanh(x/2)) / 2 never overflows
    means *= np.float32(0.5)
    np.tanh(means, out=means)
    means += np.float32(1)
    means *= np.float32(0.5)
    return means


def conditional_moments(parameters: BoltzmannParameters[FloatArray], visible: FloatArray) -> Moments[FloatArray]:
    """Averages over given visible units, hidden units by their conditional means: on data, the positive phase.

    Args:
        parameters: the machine.
        visible: (n, n_visible) in [0, 1].
    """
    shares = np.full(len(visible), 1 / len(visible), np.float32)
    hidden = hidden_means(parameters, visible) * shares[:, None]
    return Moments(visible.T @ hidden, shares @ visible, hidden.sum(axis=0))


def free_energies(parameters: BoltzmannParameters[FloatArray], visible: FloatArray, betas: FloatArray) -> DoubleArray:
    """F_β(v) = −β b·v − Σ_j log(1 + exp β(c_j + Σ_i v_i w_ij)) (Kehoe et al. 2021, eq. 7, at inverse temperature β).

    Args:
        parameters: the machine.
        visible: (n, n_visible).
        betas: (n,) inverse temperatures.
    """
    scale = betas.astype(np.float64)
    activations = (visible @ parameters.weights + parameters.hidden_bias).astype(np.float64)
    linear = (visible @ parameters.visible_bias).astype(np.float64)
    hidden: DoubleArray = np.logaddexp(0, scale[:, None] * activations).sum(axis=1)
    return -scale * linear - hidden
