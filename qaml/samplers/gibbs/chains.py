"""The interface of a set of Gibbs chains on any device, and the function that makes each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from qaml.samplers.base import Array, BoltzmannParameters, Moments
from qaml.types import AnyArray, DoubleArray, FloatArray, IntArray

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Chains(Protocol[Array]):
    """Binary visible states of several Markov chains, each at its inverse temperature, with their random stream."""

    def sweep(self, parameters: BoltzmannParameters[Array], sweeps: int) -> None:
        """Draw hidden units given visible ones and back, ``sweeps`` times, in every chain."""

    def start_from(self, means: Array) -> None:
        """Put chain i at a draw of Bernoulli(means[i]); means: (chains, n_visible) in [0, 1]."""

    def moments(self, parameters: BoltzmannParameters[Array], n_chains: int) -> Moments[Array]:
        """Averages over the first chains (inverse temperature 1), hidden units by their means given visible ones."""

    def visible(self, n_chains: int) -> NDArray[np.uint8]:
        """The visible units of the first chains, (n_chains, n_visible) of 0 and 1."""

    def free_energies(self, parameters: BoltzmannParameters[Array], betas: FloatArray) -> DoubleArray:
        """F of each chain's visible state in a machine whose parameters are multiplied by its ``betas`` entry."""

    def permute(self, order: IntArray) -> None:
        """Put the state of chain ``order[i]`` in place i; the inverse temperatures stay."""

    def state(self) -> Mapping[str, AnyArray]:
        """The visible states and the counters."""

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""


def make_chains(n_visible: int, n_hidden: int, betas: Sequence[float], seed: int, device: str) -> Chains[Any]:
    """Chains at uniformly random states, one for each inverse temperature: fused on the CPU, in torch elsewhere."""
    if device == "cpu":
        from qaml.samplers.gibbs.fused import FusedChains

        return FusedChains(n_visible, n_hidden, betas, seed)
    from qaml.samplers.gibbs.device import TensorChains

    return TensorChains(n_visible, n_hidden, betas, seed, device)
