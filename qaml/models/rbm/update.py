"""One parameter update of an RBM, on any device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from qaml.samplers.base import BoltzmannParameters, Counting, Curved, NegativePhase, Recording, Sampling
from qaml.types import AnyArray, Tensor


def estimates(
    sampler: NegativePhase[Any], parameters: BoltzmannParameters[Any], batches: Iterable[Any]
) -> dict[str, AnyArray]:
    """Estimate the negative phase of an unchanged machine, once for each batch, as arrays on the host.

    Returns:
        ``products`` (calls, n_visible, n_hidden), ``visible`` (calls, n_visible) and ``hidden`` (calls, n_hidden), the
        moments; ``samples`` (draws, n_visible) uint8 and ``draws`` (calls,), the visible units behind them, of samplers
        that have some; the sampler's values for the training curves, by name.
    """
    moments, samples = [], []
    for batch in batches:
        moments.append(sampler.moments(parameters, batch))
        if isinstance(sampler, Sampling):
            samples.append(sampler.samples())
    arrays = {name: np.stack([_on_host(getattr(m, name)) for m in moments]) for name in moments[0]._fields}
    if samples:
        arrays["samples"], arrays["draws"] = np.concatenate(samples), np.array([len(each) for each in samples])
    return arrays | {name: np.array(value) for name, value in _curves_of(sampler).items()}


def _on_host(array: Any) -> AnyArray:
    return np.array(array if isinstance(array, np.ndarray) else array.cpu().numpy())


class Update(ABC):
    """Owns the optimiser and the sampler of one training run; changes the module's parameters in place.

    Args:
        sampler: the negative phase.
    """

    def __init__(self, sampler: NegativePhase[Any]) -> None:
        self.sampler = sampler

    @abstractmethod
    def step(self, visible: Tensor) -> None:
        """Move the parameters by the gradient of the log-likelihood (Kehoe et al. 2021, eqs. 5 and 8).

        Args:
            visible: (batch, n_visible) float32 in [0, 1], pixels and one-hot labels, on the module's device.
        """

    @abstractmethod
    def state(self) -> Mapping[str, AnyArray]:
        """The parameters, optimiser moments, chains and counters."""

    @abstractmethod
    def estimates(self, batches: Iterable[Tensor]) -> dict[str, AnyArray]:
        """Estimate the negative phase of the unchanged machine, see ``estimates``; ``batches`` as in ``step``."""

    @abstractmethod
    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``, bit for bit."""

    def curves(self) -> Mapping[str, float]:
        """The sampler's numbers since the last time, for the training curves."""
        return _curves_of(self.sampler)

    def recording(self) -> Mapping[str, AnyArray] | None:
        """Arrays that the sampler wants to be kept beside the weights."""
        return self.sampler.recording() if isinstance(self.sampler, Recording) else None

    def calls(self) -> int | None:
        """How often the sampler called something slow, such as an annealer; ``None`` where calls do not count."""
        return self.sampler.calls if isinstance(self.sampler, Counting) else None


def _curves_of(sampler: NegativePhase[Any]) -> Mapping[str, float]:
    return sampler.curves() if isinstance(sampler, Curved) else {}
