"""The temperature that samples come at, and the scale that keeps it at the RBM's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from dwave.system.temperatures import maximum_pseudolikelihood_temperature

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qaml.samplers.annealer.ising import Ising
    from qaml.samplers.annealer.part import Temperature

_LARGEST = 1e3
"""An inverse temperature that samples cannot be told apart from absolute zero by."""


def effective_beta(ising: Ising, visible: NDArray[np.int8], hidden: NDArray[np.int8]) -> float:
    """The inverse temperature β of exp(−βH) that makes spins given their neighbours likeliest.

    Maximum pseudo-likelihood on the logical problem (Raymond et al. 2016), by Ocean. A matching β says that single
    units are excited as often as they should be, not that samples are right.

    Args:
        ising: the problem as the RBM has it, not as it was programmed.
        visible: (reads, n) of ±1.
        hidden: (reads, m).
    """
    on_visible = ising.visible_fields + hidden @ ising.couplings.T
    on_hidden = ising.hidden_fields + visible @ ising.couplings
    # what turning a unit would gain; positive where it is excited
    gained = np.concatenate((visible * on_visible, hidden * on_hidden), axis=1) * 2
    if not (gained > 0).any():
        return _LARGEST
    temperature, _ = maximum_pseudolikelihood_temperature(en1=gained)
    return float(1 / max(temperature, 1 / _LARGEST))


class Tracker:
    """The inverse temperature that the annealer is taken to have: problems are divided by it.

    Args:
        policy: how it is corrected.
    """

    def __init__(self, policy: Temperature) -> None:
        self.policy = policy
        self.beta = policy.beta
        self.calls = 0

    def observe(self, effective: float) -> None:
        """Take over a share of what a call showed: at ``effective`` 1 samples are the RBM's."""
        self.calls += 1
        is_asked = self.policy.policy == "tracked" or (self.policy.policy == "once" and self.calls <= self.policy.calls)
        if is_asked:
            # a call with hardly an excitation tells no more than that it was far too cold
            self.beta *= min(max(effective, 0.1), 10.0) ** self.policy.rate
