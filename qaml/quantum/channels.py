"""Noise channels of a circuit, which act on every wire, or to the whole state, after each layer.

A channel acts after the layer's entangler. A list of channels acts in the order in which it is written.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import Field, model_validator

from qaml.registry import Part, Registry

Matrix = tuple[tuple[complex, complex], tuple[complex, complex]]
"""A 2 × 2 matrix by rows, in plain Python numbers."""
Probability = Annotated[float, Field(ge=0, le=1)]

IDENTITY: Matrix = ((1, 0), (0, 1))
PAULI_X: Matrix = ((0, 1), (1, 0))
PAULI_Y: Matrix = ((0, -1j), (1j, 0))
PAULI_Z: Matrix = ((1, 0), (0, -1))

CHANNELS: Registry[ChannelPart] = Registry(
    "channel",
    "qaml.channels",
    {
        "depolarising": "qaml.quantum.channels:Depolarising",
        "global_depolarising": "qaml.quantum.channels:GlobalDepolarising",
        "amplitude_damping": "qaml.quantum.channels:AmplitudeDamping",
        "bit_flip": "qaml.quantum.channels:BitFlip",
        "phase_flip": "qaml.quantum.channels:PhaseFlip",
        "pauli": "qaml.quantum.channels:PauliChannel",
        "gaussian_rotation": "qaml.quantum.channels:GaussianRotation",
    },
)


class ChannelPart(Part, ABC):
    """The configuration of a channel; kinds derive from ``WireChannel`` or ``GlobalChannel``."""


CHANNELS.bind(ChannelPart)


class WireChannel(ChannelPart):
    """A channel that acts on every wire independently."""

    @abstractmethod
    def kraus(self) -> tuple[Matrix, ...]:
        """The Kraus operators K_i of ρ → Σ K_i ρ K_i†, with Σ K_i† K_i = 1."""


class GlobalChannel(ChannelPart):
    """A channel that mixes the whole state with the maximally mixed one."""

    @abstractmethod
    def factor(self) -> float:
        """The factor on every observable's traceless part: f in [0, 1] of ρ → f ρ + (1 − f) 1/2ⁿ."""


class Depolarising(WireChannel):
    """X, Y or Z on each wire, with probability p/3 each (PennyLane's convention: p = 3/4 forgets the wire)."""

    kind: Literal["depolarising"] = "depolarising"
    probability: Probability
    """Probability p of any of the three errors on one wire after one layer."""

    def kraus(self) -> tuple[Matrix, ...]:
        """The operators √(1−p) 1, √(p/3) X, √(p/3) Y, √(p/3) Z."""
        third = self.probability / 3
        return pauli_kraus(third, third, third)


class GlobalDepolarising(GlobalChannel):
    """The whole state is replaced by the maximally mixed one (West et al. 2022, methods, "quantum noise")."""

    kind: Literal["global_depolarising"] = "global_depolarising"
    probability: Probability
    """Probability p of losing the state after one layer."""

    def factor(self) -> float:
        """The factor 1 − p."""
        return 1 - self.probability


class AmplitudeDamping(WireChannel):
    """Each wire relaxes from |1⟩ to |0⟩.

    West et al. (2022, methods) call it relaxation of the excited state to the ground state, and print the transition
    as |0⟩ → |1⟩; relaxation is meant.
    """

    kind: Literal["amplitude_damping"] = "amplitude_damping"
    gamma: Probability
    """Probability γ that |1⟩ relaxes on one wire after one layer."""

    def kraus(self) -> tuple[Matrix, ...]:
        """The operators |0⟩⟨0| + √(1−γ) |1⟩⟨1| and √γ |0⟩⟨1|."""
        return ((1, 0), (0, math.sqrt(1 - self.gamma))), ((0, math.sqrt(self.gamma)), (0, 0))


class BitFlip(WireChannel):
    """X on each wire, with a probability (West et al. 2022, methods)."""

    kind: Literal["bit_flip"] = "bit_flip"
    probability: Probability
    """Probability p of an X on one wire after one layer."""

    def kraus(self) -> tuple[Matrix, ...]:
        """The operators √(1−p) 1 and √p X."""
        return pauli_kraus(self.probability, 0, 0)


class PhaseFlip(WireChannel):
    """Z on each wire, with a probability."""

    kind: Literal["phase_flip"] = "phase_flip"
    probability: Probability
    """Probability p of a Z on one wire after one layer."""

    def kraus(self) -> tuple[Matrix, ...]:
        """The operators √(1−p) 1 and √p Z."""
        return pauli_kraus(0, 0, self.probability)


class PauliChannel(WireChannel):
    """X, Y or Z on each wire, with a probability of its own each."""

    kind: Literal["pauli"] = "pauli"
    px: Probability = 0.0
    """Probability of an X on one wire after one layer."""
    py: Probability = 0.0
    """Probability of a Y on one wire after one layer."""
    pz: Probability = 0.0
    """Probability of a Z on one wire after one layer."""

    @model_validator(mode="after")
    def _probabilities_fit_together(self) -> PauliChannel:
        total = math.fsum((self.px, self.py, self.pz))
        if total > 1:
            raise ValueError(f"expected px + py + pz of at most 1, got {total:g}")
        return self

    def kraus(self) -> tuple[Matrix, ...]:
        """The operators √(1−px−py−pz) 1, √px X, √py Y and √pz Z."""
        return pauli_kraus(self.px, self.py, self.pz)


class GaussianRotation(WireChannel):
    """RY(ηβ) on each wire, η ~ N(0, σ²) drawn for each wire and layer, averaged over η.

    The average is exact: a Y with probability p = (1 − exp(−σ²β²/2))/2. A shared η would be another channel.
    """

    kind: Literal["gaussian_rotation"] = "gaussian_rotation"
    sigma: float = Field(ge=0)
    """Standard deviation σ of η."""
    beta: float = 1.0
    """Angle β of the rotation for η = 1, in radians."""

    def kraus(self) -> tuple[Matrix, ...]:
        """The operators √(1−p) 1 and √p Y."""
        return pauli_kraus(0, flip_probability(self.sigma * self.beta), 0)


def flip_probability(spread: float, share: float = 1.0) -> float:
    """Probability p of a Y that RY(φ), φ ~ N(0, spread²) radians, averages to: q (1 − exp(−spread²/2))/2.

    E RY(φ) ρ RY(φ)† = (1 − p) ρ + p YρY, since E sin φ = 0; q is the share of rotations that happen at all.
    """
    return -share * math.expm1(-(spread * spread) / 2) / 2


def pauli_kraus(px: float, py: float, pz: float) -> tuple[Matrix, ...]:
    """The Kraus operators of X, Y, Z with these probabilities, those of probability zero left out."""
    rest = max(1 - math.fsum((px, py, pz)), 0.0)
    weighted = ((rest, IDENTITY), (px, PAULI_X), (py, PAULI_Y), (pz, PAULI_Z))
    return tuple(_scaled(math.sqrt(p), matrix) for p, matrix in weighted if p > 0)


def _scaled(factor: float, matrix: Matrix) -> Matrix:
    (a, b), (c, d) = matrix
    return (factor * a, factor * b), (factor * c, factor * d)
