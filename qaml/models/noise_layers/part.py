"""Configuration of noise layers."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from qaml.types import Settings

SIGMA2 = 2 * math.pi / 2**5
"""Variance σ² in Huang & Zhang 2023, section 4.1."""


class NoiseLayers(Settings):
    """RY(ηβ) on every wire, one layer of them for each layer of the circuit (Huang & Zhang 2023, eqs. 5 to 7).

    η ~ N(0, σ²) is drawn for each wire; β, one number a layer, is trained with the angles, by the loss of the draws.
    Only the product σβ enters.
    """

    variance: float = Field(SIGMA2, ge=0)
    """Variance σ² of η."""
    beta: float = 0.25
    """Initial β of every layer, in radians for η = 1."""
    position: Literal["before", "after"] = "before"
    """Position of the noise: before a layer's rotations, as in the text, or after its entangler, as in equation 6."""
    draw: Literal["batch", "sample"] = "batch"
    """Draws in training: one for a batch (algorithm 1), or one for each sample, as always at inference."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of draws that are not zero (Bernoulli–Gaussian noise)."""
    training: bool = True
    """Whether the layers draw while the circuit is trained, and while training attacks it (eq. 8)."""
    inference: bool = True
    """Whether they draw at every inference of the trained circuit, also in attacks; ``inference: {noise_layers: …}`` of
    a model changes it on the same weights."""
