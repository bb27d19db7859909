"""What one parameter update of an RBM is, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from qaml.samplers.base import NegativePhase


def curves_of(sampler: NegativePhase[Any]) -> Mapping[str, float]:
    """What the sampler tells of its updates since the last time."""
    return sampler.curves() if hasattr(sampler, "curves") else {}


def recording_of(sampler: NegativePhase[Any]) -> Mapping[str, NDArray[Any]] | None:
    """What the sampler wants to be kept."""
    return sampler.recording() if hasattr(sampler, "recording") else None


class Update(Protocol):
    """Owns the optimiser and the sampler of one training run; changes the module's parameters in place."""

    def step(self, visible: Tensor) -> None:
        """Move the parameters by the gradient of the log-likelihood (Kehoe et al. 2021, eqs. 5 and 8).

        Args:
            visible: (batch, n_visible) float32 in [0, 1], pixels and one-hot labels, on the module's device.
        """

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Parameters, optimiser moments, chains and counters."""

    def curves(self) -> Mapping[str, float]:
        """What the sampler tells of its updates since the last time, for the training curves."""

    def recording(self) -> Mapping[str, NDArray[Any]] | None:
        """Arrays that the sampler wants to be kept beside the weights."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a ``state``, bit for bit."""
