"""Contrastive divergence (Hinton 2002) and its persistent variant (Tieleman 2008)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal

from pydantic import Field

from qaml.samplers.base import Array, BoltzmannParameters, Moments, NegativePhase, SamplerPart
from qaml.samplers.gibbs.chains import Chains, make_chains
from qaml.types import AnyArray

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ContrastiveDivergence(SamplerPart):
    """CD-k: chains start at the batch and run a few sweeps (Kehoe et al. 2021, section 3.1).

    A grey value starts its chain at a draw of Bernoulli(value).
    """

    kind: Literal["cd"] = "cd"
    sweeps: int = Field(1, ge=1, le=100_000)
    """Number k of sweeps (hidden units given visible, and back) of each update."""

    def start(self, n_visible: int, n_hidden: int, seed: int, device: str = "cpu") -> NegativePhase[Any]:
        """Make the sampler for one training run."""
        return BatchPhase(make_chains(n_visible, n_hidden, (1.0,), seed, device), self.sweeps)


class PersistentContrastiveDivergence(SamplerPart):
    """PCD-k: chains go on from where the last update left them (Kehoe et al. 2021, section 3.1)."""

    kind: Literal["pcd"] = "pcd"
    sweeps: int = Field(50, ge=1, le=100_000)
    """Number k of sweeps (hidden units given visible, and back) of each update."""
    chains: int = Field(10, ge=1, le=1_000_000)
    """Number of Markov chains, which are kept over the whole training."""

    def start(self, n_visible: int, n_hidden: int, seed: int, device: str = "cpu") -> NegativePhase[Any]:
        """Make the sampler for one training run; chains start at uniformly random states."""
        chains = make_chains(n_visible, n_hidden, (1.0,) * self.chains, seed, device)
        return PersistentPhase(chains, self.sweeps, self.chains)


class PersistentPhase(Generic[Array]):
    """The negative phase of PCD: the chains never restart."""

    def __init__(self, chains: Chains[Array], sweeps: int, n_chains: int = 0) -> None:
        self._chains = chains
        self._sweeps = sweeps
        self._n_chains = n_chains

    def moments(self, parameters: BoltzmannParameters[Array], batch: Array) -> Moments[Array]:  # noqa: ARG002
        """Advance the chains and average over them."""
        self._chains.sweep(parameters, self._sweeps)
        return self._chains.moments(parameters, self._n_chains)

    def samples(self) -> NDArray[np.uint8]:
        """The visible units behind the latest moments."""
        return self._chains.visible(self._n_chains)

    def state(self) -> Mapping[str, AnyArray]:
        """The chains' state."""
        return self._chains.state()

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""
        self._chains.restore(state)


class BatchPhase(PersistentPhase[Array]):
    """The negative phase of CD: every estimate starts at its batch."""

    def moments(self, parameters: BoltzmannParameters[Array], batch: Array) -> Moments[Array]:
        """Estimate the model's moments with one chain for each example."""
        self._chains.start_from(batch)
        self._n_chains = len(batch)
        return super().moments(parameters, batch)
