"""Expectation values of Z."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def z_expectations(states: Tensor, wires: Sequence[int]) -> Tensor:
    """⟨ψ|Z_w|ψ⟩ for every wire w; states (batch, 2**n), complex, of any norm → (batch, n_wires), real."""
    probabilities = states.real.square() + states.imag.square()
    return probabilities @ z_signs(states.shape[1], wires, probabilities)


def z_signs(n_states: int, wires: Sequence[int], like: Tensor) -> Tensor:
    """+1 where a wire's bit of the basis index is 0, −1 where it is 1: (n_states, n_wires), with ``like``'s dtype."""
    index = torch.arange(n_states, device=like.device)[:, None]
    shifts = n_states.bit_length() - 2 - torch.tensor(list(wires), device=like.device)
    return (1 - 2 * ((index >> shifts) & 1)).to(like.dtype)
