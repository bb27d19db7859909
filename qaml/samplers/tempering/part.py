"""Parallel tempering: hot chains cross barriers, swaps bring their states to the temperature of interest."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from qaml.samplers.base import NegativePhase, SamplerPart


class ParallelTempering(SamplerPart):
    """Persistent chains at several inverse temperatures that swap states (Desjardins et al. 2010, Cho et al. 2010)."""

    kind: Literal["parallel_tempering"] = "parallel_tempering"
    sweeps: int = Field(10, ge=1, le=100_000)
    """Number of Gibbs sweeps of each update."""
    swap_every: int = Field(1, ge=1, le=100_000)
    """Number of sweeps between two rounds of swaps."""
    chains: int = Field(10, ge=1, le=100_000)
    """Number of chains at each inverse temperature."""
    levels: int = Field(10, ge=2, le=1000)
    """Number of inverse temperatures, evenly spaced from 1 down to ``lowest_beta``."""
    lowest_beta: float = Field(0.0, ge=0, lt=1)
    """Inverse temperature of the hottest chains; at 0 their states are uniformly random."""

    @property
    def betas(self) -> tuple[float, ...]:
        """The inverse temperatures, falling from 1."""
        gap = (1 - self.lowest_beta) / (self.levels - 1)
        return tuple(1 - level * gap for level in range(self.levels))

    def start(self, n_visible: int, n_hidden: int, seed: int, device: str = "cpu") -> NegativePhase[Any]:
        """Make the sampler for one training run."""
        from qaml.samplers.gibbs.chains import make_chains
        from qaml.samplers.tempering.phase import TemperedPhase

        betas = tuple(beta for beta in self.betas for _ in range(self.chains))
        return TemperedPhase(make_chains(n_visible, n_hidden, betas, seed, device), self, seed)
