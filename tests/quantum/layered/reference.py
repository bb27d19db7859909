"""Layered circuits gate by gate in numpy (complex128); gradients by the parameter-shift rule and by linearity."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def rot(phi: float, theta: float, omega: float) -> Complexes:
    """RZ(ω)·RY(θ)·RZ(φ)."""
    c, s = np.cos(theta / 2), np.sin(theta / 2)
    plus, minus = np.exp(0.5j * (phi + omega)), np.exp(0.5j * (phi - omega))
    return np.array([[c / plus, -s * minus], [s / minus, c * plus]])


def unitary(weights: Floats) -> Complexes:
    """The matrix of all layers."""
    n = weights.shape[1]
    k = np.arange(2**n)
    matrix = np.eye(2**n, dtype=complex)
    for layer in weights:
        gate = np.ones((1, 1), complex)
        for angles in layer:
            gate = np.kron(gate, rot(*angles))
        matrix = gate @ matrix
        for wire in range(n - 1):
            both = (k >> (n - 1 - wire)) & (k >> (n - 2 - wire)) & 1
            matrix = np.where(both, -1, 1)[:, None] * matrix
    return matrix


def observables(weights: Floats, n_observables: int) -> Floats:
    """Re(U†Z_kU) of each measured wire, (n_observables, 2^wires, 2^wires)."""
    n = weights.shape[1]
    u = unitary(weights)
    bits = np.arange(2**n)[None] >> (n - 1 - np.arange(n_observables))[:, None] & 1
    return np.stack([((u.conj().T * (1 - 2 * b)) @ u).real for b in bits])


def expectations(amplitudes: Floats, weights: Floats, n_observables: int) -> Floats:
    """⟨Z⟩ of the first wires, (batch, n_observables)."""
    d = amplitudes.shape[1]
    matrices = observables(weights, n_observables)[:, :d, :d]
    return np.stack([((amplitudes @ matrix) * amplitudes).sum(axis=1) for matrix in matrices], axis=1)


def gradients(amplitudes: Floats, weights: Floats, cotangents: Floats) -> tuple[Floats, Floats]:
    """Of Σ cotangents · expectations, with respect to amplitudes and weights."""
    n_observables, d = cotangents.shape[1], amplitudes.shape[1]
    matrices = observables(weights, n_observables)[:, :d, :d]
    of_amplitudes = 2 * np.einsum("bk,kij,bj->bi", cotangents, matrices, amplitudes)
    of_weights = np.empty_like(weights)
    for position in np.ndindex(weights.shape):
        shifted = [weights.copy(), weights.copy()]
        shifted[0][position] += np.pi / 2
        shifted[1][position] -= np.pi / 2
        above, below = (expectations(amplitudes, w, n_observables) for w in shifted)
        of_weights[position] = ((above - below) / 2 * cotangents).sum()
    return of_amplitudes, of_weights
