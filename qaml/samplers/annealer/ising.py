"""RBMs as Ising problems and back.

With x = (1 + s)/2 the energy E(v, h) = −b·v − c·h − vᵀWh of an RBM (Kehoe et al. 2021, eq. 6) is that of the Ising
problem H(s) = Σ h_i s_i + Σ J_ij s_i s_j + offset with

    J_ij = −w_ij/4,    h_i = −(b_i/2 + Σ_j w_ij/4),    h_j = −(c_j/2 + Σ_i w_ij/4),
    offset = −Σ b/2 − Σ c/2 − Σ w/4.

Ocean minimises H, and samples follow exp(−βH). Equation 9 of the paper has the other sign and none of the factors: it
names units and spins alike, and would be right for units that take −1 and 1 and for an energy of the opposite sign.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qaml.samplers.base import BoltzmannParameters
from qaml.types import AnyArray, DoubleArray


class Ising(NamedTuple):
    """A problem on the complete bipartite graph: variables 0 … n − 1 are visible units, n … n + m − 1 hidden ones.

    Attributes:
        visible_fields: h of the visible units, (n,) float64.
        hidden_fields: h of the hidden units, (m,).
        couplings: J between visible and hidden units, (n, m).
        offset: constant that makes H equal to the RBM's energy.
    """

    visible_fields: DoubleArray
    hidden_fields: DoubleArray
    couplings: DoubleArray
    offset: float

    def energies(self, visible: AnyArray, hidden: AnyArray) -> DoubleArray:
        """H of spins ±1, (states, n) and (states, m) → (states,)."""
        pairs = ((visible @ self.couplings) * hidden).sum(axis=1)
        energies: DoubleArray = visible @ self.visible_fields + hidden @ self.hidden_fields + pairs + self.offset
        return energies

    def scaled(self, factor: float) -> Ising:
        """The problem with H multiplied by a factor."""
        return Ising(
            self.visible_fields * factor, self.hidden_fields * factor, self.couplings * factor, self.offset * factor
        )

    @property
    def linear(self) -> dict[int, float]:
        """The fields by variable, in Ocean's form."""
        return dict(enumerate(np.concatenate((self.visible_fields, self.hidden_fields)).tolist()))

    @property
    def quadratic(self) -> dict[tuple[int, int], float]:
        """The couplings by pair of variables, in Ocean's form, zeros included."""
        n = len(self.visible_fields)
        return {(i, n + j): float(value) for (i, j), value in np.ndenumerate(self.couplings)}


def to_ising(parameters: BoltzmannParameters[Any]) -> Ising:
    """The Ising problem of an RBM, in float64."""
    weights, visible_bias, hidden_bias = (np.asarray(array, np.float64) for array in parameters)
    return Ising(
        visible_fields=-(visible_bias / 2 + weights.sum(axis=1) / 4),
        hidden_fields=-(hidden_bias / 2 + weights.sum(axis=0) / 4),
        couplings=-weights / 4,
        offset=float(-visible_bias.sum() / 2 - hidden_bias.sum() / 2 - weights.sum() / 4),
    )
