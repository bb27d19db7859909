"""Matrices of the gates, differentiable in their angles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

_broadcast: Callable[..., tuple[Tensor, ...]] = torch.broadcast_tensors

PAULIS: Mapping[str, tuple[tuple[complex, ...], ...]] = {
    "x": ((0, 1), (1, 0)),
    "y": ((0, -1j), (1j, 0)),
    "z": ((1, 0), (0, -1)),
}

_CONSTANT: Mapping[str, tuple[tuple[complex, ...], ...]] = {
    **PAULIS,
    "hadamard": ((0.5**0.5, 0.5**0.5), (0.5**0.5, -(0.5**0.5))),
    "cz": ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, -1)),
    "cnot": ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0)),
    "swap": ((1, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0), (0, 0, 0, 1)),
}

_PAULI_ROTATIONS = {"rx": "x", "ry": "y", "rz": "z", "ising_xx": "xx", "ising_yy": "yy", "ising_zz": "zz"}
_CONTROLLED = {"crx": "x", "cry": "y", "crz": "z"}


def matrix(name: str, angles: Sequence[Tensor], like: Tensor) -> Tensor:
    """The matrix of a gate, (2**k, 2**k), or (batch, 2**k, 2**k) where an angle has a batch.

    Args:
        name: one of ``GATES``; its first wire is the most significant bit of rows and columns.
        angles: radians, each of shape () or (batch,).
        like: a complex tensor, whose dtype and device the matrix has.
    """
    if name in _CONSTANT:
        return torch.tensor(_CONSTANT[name], dtype=like.dtype, device=like.device)
    if name in _PAULI_ROTATIONS:
        return pauli_rotation(_PAULI_ROTATIONS[name], angles[0], like)
    if name in _CONTROLLED:
        return _controlled(pauli_rotation(_CONTROLLED[name], angles[0], like))
    if name == "phase":
        phase = torch.complex(angles[0].cos(), angles[0].sin())
        return torch.stack([torch.ones_like(phase), phase], -1).diag_embed()
    phi, theta, omega = angles
    return rot(phi, theta, omega)


def pauli_rotation(paulis: str, angle: Tensor, like: Tensor) -> Tensor:
    """exp(−iθP/2) = cos(θ/2) − i sin(θ/2) P, P the product of the named Pauli matrices, one a wire."""
    product = torch.ones(1, 1, dtype=like.dtype, device=like.device)
    for pauli in paulis:
        product = torch.kron(product, torch.tensor(PAULIS[pauli], dtype=like.dtype, device=like.device))
    half = angle[..., None, None] / 2
    return half.cos() * torch.eye(len(product), dtype=like.dtype, device=like.device) - 1j * half.sin() * product


def ry(angle: Tensor) -> Tensor:
    """RY(θ) of angles (…), real: (…, 2, 2)."""
    cosine, sine = (angle / 2).cos(), (angle / 2).sin()
    return torch.stack((cosine, -sine, sine, cosine), -1).reshape(*angle.shape, 2, 2)


def rot(phi: Tensor, theta: Tensor, omega: Tensor) -> Tensor:
    """RZ(ω) RY(θ) RZ(φ); angles of shapes that broadcast to (…) → (…, 2, 2)."""
    halves = torch.stack(_broadcast(theta, phi + omega, phi - omega)) / 2
    (cosine, cos_sum, cos_difference), (sine, sin_sum, sin_difference) = halves.cos(), halves.sin()
    a, b, c, d = cosine * cos_sum, cosine * sin_sum, sine * cos_difference, sine * sin_difference
    entries = torch.stack((a, -b, -c, -d, c, -d, a, b), -1)
    return torch.view_as_complex(entries.reshape(*a.shape, 2, 2, 2))


def _controlled(unitary: Tensor) -> Tensor:
    identity = torch.eye(2, dtype=unitary.dtype, device=unitary.device).expand_as(unitary)
    zero = torch.zeros_like(unitary)
    return torch.cat([torch.cat([identity, zero], -1), torch.cat([zero, unitary], -1)], -2)
