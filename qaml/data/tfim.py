"""Ground states of the transverse-field Ising chain as quantum data (Huang & Zhang 2023, section 4.1, eq. 11)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from qaml.data.base import DatasetPart
from qaml.errors import DataError
from qaml.types import Bounds, Data, InputInfo, IntArray, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TRANSITION = 1.0
"""The field J_x of the infinite chain's phase transition."""
DECLARED = {(4, 999): "38ebe34d47560d3641a23a8cb4f3d9f3e408919e8ce27fe9a3e6e776e902ee77"}
"""Declared checksums: (sites, fields) → SHA-256, see ``digest``."""


class TransverseIsing(DatasetPart):
    """Ground states of H = −Σ Z_n Z_{n+1} − J Σ X_n on an open chain, for fields J evenly spaced within (0, 2).

    Below the transition at J = 1 the chain is ordered (ferromagnetic), above it disordered (paramagnetic); the paper
    swaps the two names. The label is the side of J = 1, and J = 1 itself counts as paramagnetic. With an odd number
    of fields, such as the paper's 999, it is among them.

    At small fields the energies of the two lowest states differ by less than 1e-10 and any mixture of them would do as
    a ground state, so the one of even parity (ΠX_n = 1) is taken: there it is unique, with positive amplitudes.
    """

    kind: Literal["tfim"] = "tfim"
    sites: int = Field(4, ge=2, le=10)
    """Number N of spins of the chain; a state has 2**N amplitudes."""
    fields: int = Field(999, ge=20, le=100_000)
    """Number of values of the field, which are 2k/(fields + 1), k = 1 … fields."""
    test_share: float = Field(0.4, gt=0, lt=1)
    """Share of the states that is for testing; both phases keep their share."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the random choice of test states."""

    def describe(self) -> InputInfo:
        """States of 2**sites real amplitudes, of norm 1."""
        classes = ("ferromagnetic", "paramagnetic")
        return InputInfo((2**self.sites,), classes, Bounds(-1.0, 1.0), is_state=True)

    def checksums(self) -> Mapping[str, str]:
        """SHA-256 of the default's amplitudes; for any other chain its parameters, which pin the states."""
        return {"tfim": DECLARED.get((self.sites, self.fields), f"sites={self.sites} fields={self.fields}")}

    def read(self) -> Data:
        """The states, split; ``indices`` count the fields upwards, over both splits.

        Raises:
            DataError: the diagonalisation yielded other states than declared.
        """
        import numpy as np

        from qaml.data.stratified import split_off_share

        strengths = 2 * np.arange(1, self.fields + 1) / (self.fields + 1)
        states = np.stack([ground_state(self.sites, strength)[1] for strength in strengths])
        declared = DECLARED.get((self.sites, self.fields))
        if declared is not None and declared != (found := digest(states)):
            raise DataError(
                f"the installed numpy finds other ground states than declared (SHA-256 {found})",
                "reinstall numpy, or take another number of sites or fields",
            )
        labels = (strengths >= TRANSITION).astype(np.int64)
        whole = Split(states.astype(np.float32), labels, np.arange(self.fields, dtype=np.int64))
        return Data(*split_off_share(whole, self.test_share, self.seed), self.describe())


def ground_state(sites: int, field: float) -> tuple[float, Floats]:
    """Energy and amplitudes (2**sites,) of the ground state of even parity at a field J > 0.

    The even sector has a basis (|x⟩ + |x̄⟩)/√2, x̄ the complement of x, of half the size. There every entry off the
    diagonal is −J or 0, so by Perron and Frobenius the ground state is unique and its amplitudes have one sign.
    """
    import numpy as np

    half = 2 ** (sites - 1)
    states = np.arange(half)
    hamiltonian = np.diag(2.0 * _domain_walls(states, sites) - (sites - 1))
    for bit in range(sites):
        flipped = states ^ (1 << bit)
        hamiltonian[states, np.minimum(flipped, 2 * half - 1 - flipped)] -= field
    energies, vectors = np.linalg.eigh(hamiltonian)
    amplitudes = np.abs(vectors[:, 0]) / np.sqrt(2)
    return float(energies[0]), np.concatenate((amplitudes, amplitudes[::-1]))


def _domain_walls(states: IntArray, sites: int) -> IntArray:
    """Neighbours that differ, for each basis state."""
    differ = (states ^ (states >> 1)) & (2 ** (sites - 1) - 1)
    return sum(((differ >> bit) & 1 for bit in range(sites - 1)), states * 0)


def digest(states: Floats) -> str:
    """SHA-256 of the amplitudes in millionths, as little-endian int64; eigenvectors differ in their last bits."""
    import numpy as np

    return hashlib.sha256(np.rint(states * 1e6).astype("<i8").tobytes()).hexdigest()
