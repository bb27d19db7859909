"""The interface of negative-phase samplers, which estimate a model's moments from an RBM's parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from qaml.errors import PartError
from qaml.registry import Part, Registry
from qaml.types import AnyArray, Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Array = TypeVar("Array", bound=Sized)
"""A float32 numpy array on the CPU, a float32 torch tensor on any other device."""

SAMPLERS: Registry[SamplerPart] = Registry(
    "sampler",
    "qaml.samplers",
    {
        "exact": "qaml.samplers.exact.part:Exact",
        "cd": "qaml.samplers.gibbs.part:ContrastiveDivergence",
        "pcd": "qaml.samplers.gibbs.part:PersistentContrastiveDivergence",
        "parallel_tempering": "qaml.samplers.tempering.part:ParallelTempering",
        "annealer": "qaml.samplers.annealer.part:Annealer",
    },
)


MOST_UNITS = 20
"""Largest number of visible and hidden units together of a machine that is enumerated rather than sampled."""


class BoltzmannParameters(NamedTuple, Generic[Array]):
    """θ of E(v, h) = −b·v − c·h − vᵀWh (Kehoe et al. 2021, eq. 6), float32.

    Attributes:
        weights: W, (n_visible, n_hidden).
        visible_bias: b, (n_visible,).
        hidden_bias: c, (n_hidden,).
    """

    weights: Array
    visible_bias: Array
    hidden_bias: Array


class Moments(NamedTuple, Generic[Array]):
    """Averages that make up a gradient: ⟨v hᵀ⟩ (n_visible, n_hidden), ⟨v⟩ (n_visible,), ⟨h⟩ (n_hidden,)."""

    products: Array
    visible: Array
    hidden: Array


class NegativePhase(Protocol[Array]):
    """A sampler at work during one training run; owns its chains and its random stream."""

    def moments(self, parameters: BoltzmannParameters[Array], batch: Array) -> Moments[Array]:
        """Estimate the model's moments.

        Args:
            parameters: the machine's current parameters.
            batch: (batch, n_visible) the positive phase's visible units, where CD starts its chains.
        """

    def state(self) -> Mapping[str, AnyArray]:
        """Everything that a bit-exact continuation needs (chains, counters), as arrays."""

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""


@runtime_checkable
class Sampling(Protocol):
    """A negative phase whose moments are averages over samples."""

    def samples(self) -> NDArray[np.uint8]:
        """The visible units behind the latest moments, (n, n_visible) of 0 and 1."""


@runtime_checkable
class Curved(Protocol):
    """A negative phase with numbers to follow in training."""

    def curves(self) -> Mapping[str, float]:
        """Numbers since the last time, by name."""


@runtime_checkable
class Counting(Protocol):
    """A negative phase that asks something slow and dear, such as an annealer."""

    @property
    def calls(self) -> int:
        """How often it asked."""


@runtime_checkable
class Recording(Protocol):
    """A negative phase with arrays to keep beside the trained weights."""

    def recording(self) -> Mapping[str, AnyArray]:
        """The arrays, by name."""


class SamplerPart(Part, ABC):
    """The configuration of a negative-phase sampler.

    While it samples it may also be ``Sampling``, ``Curved``, ``Counting`` and ``Recording``.
    """

    @property
    def layout(self) -> Settings | None:
        """The layout of a machine on an annealer's qubits, needed before sampling; ``None`` where there is none."""
        return None

    @property
    def is_inspected(self) -> bool:
        """Whether its samples of the trained machine are always compared with the machine's own distribution."""
        return False

    def embedded(self, chains: Path) -> SamplerPart:
        """The same sampler with this file as its embedding.

        Raises:
            PartError: the sampler works without an embedding.
        """
        raise PartError(f"sampler {self.kind!r} needs no embedding, {chains} is of no use")

    def check(self, n_visible: int, n_hidden: int) -> None:
        """Refuse machines that this sampler cannot sample, as far as that is known without heavy libraries.

        Raises:
            PartError: the machine does not fit; the message says what would.
        """

    @abstractmethod
    def start(self, n_visible: int, n_hidden: int, seed: int, device: str = "cpu") -> NegativePhase[Any]:
        """Make the sampler for one training run: on numpy arrays for ``cpu``, on torch tensors for another device.

        Raises:
            PartError: the machine is too large for this sampler.
        """


SAMPLERS.bind(SamplerPart)
