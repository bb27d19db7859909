"""Distances that attacks found beside the exact ones."""

from __future__ import annotations

import numpy as np

from qaml.types import BoolArray, DoubleArray

ROUNDING = 1e-4
"""Largest error of a distance by rounding in float32 logits, as a share of it and of the input's length.

An error δ of the logits moves the boundary of xᵀMx/‖x‖² by about δ‖x‖/2 over the spread of M's eigenvalues: 200 layers
in float32 err by up to 2e-5.
"""


def is_below(found: DoubleArray, exact: DoubleArray, lengths: DoubleArray) -> BoolArray:
    """Whether an adversarial is nearer than is possible, rounding aside.

    Args:
        found: (n,) L2 norms of adversarials that fool, infinite without one.
        exact: (n,) exact L2 distances: zero where the clean answer is wrong, infinite where there is no adversarial.
        lengths: (n,) ‖x‖₂ of the clean inputs.
    """
    return found < exact - ROUNDING * (np.where(np.isfinite(exact), exact, 0.0) + lengths)
