"""Distances that attacks found beside the exact ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""What rounding in the classifier's float32 logits may shorten a distance by."""


def is_below(found: NDArray[np.float64], exact: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether an adversarial is nearer than is possible, rounding aside.

    Args:
        found: (n,) L2 norms of adversarials that fool, infinite without one.
        exact: (n,) exact L2 distances: zero where the clean answer is wrong, infinite where there is no adversarial.
    """
    below: NDArray[np.bool_] = found < exact * (1 - RELATIVE) - ABSOLUTE
    return below
