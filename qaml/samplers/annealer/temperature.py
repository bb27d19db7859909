"""The temperature of samples, and the scale that keeps it at the RBM's own."""

from __future__ import annotations

import numpy as np
from dwave.system.temperatures import maximum_pseudolikelihood_temperature
from numpy.typing import NDArray

from qaml.samplers.annealer.ising import Ising
from qaml.samplers.annealer.part import Temperature

_LARGEST = 1e3
"""Inverse temperature from which on samples cannot be distinguished from absolute zero."""


def effective_beta(ising: Ising, visible: NDArray[np.int8], hidden: NDArray[np.int8]) -> float:
    """The inverse temperature β of exp(−βH) under which spins are likeliest given their neighbours.

    Maximum pseudo-likelihood on the logical problem (Raymond et al. 2016), by Ocean. A matching β means that single
    units are excited as often as they should be, not that samples are right.

    Args:
        ising: the RBM's problem, not the one that was programmed.
        visible: (reads, n) of ±1.
        hidden: (reads, m).
    """
    on_visible = ising.visible_fields + hidden @ ising.couplings.T
    on_hidden = ising.hidden_fields + visible @ ising.couplings
    # the energy that turning a unit would release; positive where it is excited
    gained = np.concatenate((visible * on_visible, hidden * on_hidden), axis=1) * 2
    if not (gained > 0).any():
        return _LARGEST
    temperature, _ = maximum_pseudolikelihood_temperature(en1=gained)
    return float(1 / max(temperature, 1 / _LARGEST))


class Tracker:
    """The assumed inverse temperature of the annealer, by which problems are divided.

    Args:
        policy: the policy of its corrections.
    """

    def __init__(self, policy: Temperature) -> None:
        self.policy = policy
        self.beta = policy.beta
        self.calls = 0

    def observe(self, effective: float) -> None:
        """Correct the temperature by a share of a call's estimate; ``effective`` is 1 for samples of the RBM."""
        self.calls += 1
        is_asked = self.policy.policy == "tracked" or (self.policy.policy == "once" and self.calls <= self.policy.calls)
        if is_asked:
            # a call with hardly an excitation shows only that it was far too cold
            self.beta *= min(max(effective, 0.1), 10.0) ** self.policy.rate
