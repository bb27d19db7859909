"""Replica exchange between Gibbs chains at neighbouring temperatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from qaml.samplers.base import Array, BoltzmannParameters, Moments
from qaml.samplers.gibbs.chains import Chains
from qaml.samplers.tempering.part import ParallelTempering
from qaml.types import AnyArray


class TemperedPhase(Generic[Array]):
    """The negative phase by parallel tempering; chain ``level · chains + i`` is the i-th of its level.

    Args:
        chains: levels × chains Gibbs chains, the coldest level first.
        part: the sampler's configuration.
        seed: seed of the swaps.
    """

    def __init__(self, chains: Chains[Array], part: ParallelTempering, seed: int) -> None:
        self._chains = chains
        self._part = part
        self._seed = seed
        self._round = 0
        self._betas = np.repeat(np.asarray(part.betas, np.float32), part.chains)

    def moments(self, parameters: BoltzmannParameters[Array], batch: Array) -> Moments[Array]:  # noqa: ARG002
        """Advance and swap the chains, and average over those at inverse temperature 1."""
        left = self._part.sweeps
        while left > 0:
            self._chains.sweep(parameters, min(left, self._part.swap_every))
            self._swap(parameters)
            left -= self._part.swap_every
        return self._chains.moments(parameters, self._part.chains)

    def samples(self) -> NDArray[np.uint8]:
        """The visible units of the chains at inverse temperature 1."""
        return self._chains.visible(self._part.chains)

    def state(self) -> Mapping[str, AnyArray]:
        """The chains' state and the number of rounds so far."""
        return {**self._chains.state(), "round": np.array(self._round)}

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""
        self._chains.restore({name: array for name, array in state.items() if name != "round"})
        self._round = int(state["round"])

    def _swap(self, parameters: BoltzmannParameters[Array]) -> None:
        """Offer every other pair of neighbouring levels a swap, the even pairs and the odd ones in turn.

        Hidden units are summed out, so a swap is accepted with probability
        min(1, exp(F_β(v) + F_β'(v') − F_β(v') − F_β'(v))).
        """
        n = self._part.chains
        first = self._round % 2
        partner = np.arange(len(self._betas))
        for level in range(first, self._part.levels - 1, 2):
            lower = np.arange(level * n, (level + 1) * n)
            partner[lower], partner[lower + n] = lower + n, lower
        own = self._chains.free_energies(parameters, self._betas)
        exchanged = self._chains.free_energies(parameters, self._betas[partner])
        gain = (own - exchanged) + (own - exchanged)[partner]
        uniforms = np.random.default_rng((self._seed, self._round)).random(len(partner))
        accepted = np.log1p(-uniforms) < gain
        lower_of_pair = np.minimum(partner, np.arange(len(partner)))
        self._chains.permute(np.where(accepted[lower_of_pair], partner, np.arange(len(partner))))
        self._round += 1
