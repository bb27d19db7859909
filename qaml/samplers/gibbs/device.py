"""Gibbs chains as torch tensors: the same sampler on any device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from qaml.samplers.base import BoltzmannParameters, Moments
from qaml.types import AnyArray, DoubleArray, FloatArray, IntArray


def tensor_moments(parameters: BoltzmannParameters[Tensor], visible: Tensor) -> Moments[Tensor]:
    """Averages over given visible units (n, n_visible), hidden units by their conditional means."""
    hidden = torch.sigmoid(visible @ parameters.weights + parameters.hidden_bias)
    return Moments(visible.T @ hidden / len(visible), visible.mean(0), hidden.mean(0))


class TensorChains:
    """Chains on a device, driven by a torch generator of their own.

    Args:
        n_visible: number of visible units of a state.
        n_hidden: number of hidden units (their states are drawn anew in each sweep).
        betas: one inverse temperature for each chain.
        seed: seed of the generator.
        device: a torch device.
    """

    def __init__(self, n_visible: int, n_hidden: int, betas: Sequence[float], seed: int, device: str) -> None:  # noqa: ARG002
        self._device = torch.device(device)
        word = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) >> 1
        self._generator = torch.Generator(self._device).manual_seed(word)
        self._betas = torch.tensor(betas, dtype=torch.float32, device=self._device)[:, None]
        self._visible = self._draw(torch.full((len(betas), n_visible), 0.5, device=self._device))

    def sweep(self, parameters: BoltzmannParameters[Tensor], sweeps: int) -> None:
        """Draw hidden units given visible ones and back, ``sweeps`` times, in every chain."""
        weights, visible_bias, hidden_bias = parameters
        for _ in range(sweeps):
            hidden = self._draw(torch.sigmoid(self._betas * (self._visible @ weights + hidden_bias)))
            self._visible = self._draw(torch.sigmoid(self._betas * (hidden @ weights.T + visible_bias)))

    def start_from(self, means: Tensor) -> None:
        """As many chains as rows, at draws of Bernoulli(means) and inverse temperature 1."""
        self._visible = self._draw(means)
        self._betas = torch.ones(len(means), 1, device=self._device)

    def moments(self, parameters: BoltzmannParameters[Tensor], n_chains: int) -> Moments[Tensor]:
        """Averages over the first chains, hidden units by their means given the visible ones."""
        return tensor_moments(parameters, self._visible[:n_chains])

    def visible(self, n_chains: int) -> NDArray[np.uint8]:
        """The visible units of the first chains, (n_chains, n_visible) of 0 and 1."""
        return np.asarray(self._visible[:n_chains].cpu().numpy(), np.uint8)

    def free_energies(self, parameters: BoltzmannParameters[Tensor], betas: FloatArray) -> DoubleArray:
        """F of each chain's visible state at the given inverse temperatures."""
        scale = torch.from_numpy(betas).to(self._device, torch.float64)
        activations = (self._visible @ parameters.weights + parameters.hidden_bias).double()
        linear = (self._visible @ parameters.visible_bias).double()
        energies = -scale * linear - softplus(scale[:, None] * activations, threshold=40).sum(1)
        return np.asarray(energies.cpu().numpy(), np.float64)

    def permute(self, order: IntArray) -> None:
        """Put the state of chain ``order[i]`` in place i."""
        self._visible = self._visible[torch.as_tensor(order, device=self._device)]

    def state(self) -> Mapping[str, AnyArray]:
        """The visible states and the generator."""
        return {
            "visible": self._visible.cpu().numpy().astype(np.uint8),
            "generator": self._generator.get_state().numpy().copy(),
        }

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""
        self._visible = torch.from_numpy(np.asarray(state["visible"], np.float32)).to(self._device)
        self._generator.set_state(torch.from_numpy(np.array(state["generator"], np.uint8)))

    def _draw(self, means: Tensor) -> Tensor:
        return torch.bernoulli(means, generator=self._generator)
