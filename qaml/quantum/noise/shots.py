"""The number of runs of a circuit that distinguish the two largest of its expectation values.

Each shot measures all wires. D = Z_a − Z_b of the two is −2, 0 or 2, with mean m = ⟨Z_a⟩ − ⟨Z_b⟩ > 0 and variance
E[D²] − m² = 2 − 2⟨Z_aZ_b⟩ − m². The decision is right when the average of D over the shots is positive.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qaml.errors import PartError
from qaml.types import DoubleArray

LARGEST = 2.0
"""Largest value of |D|."""
ROUNDING = 1e-5
"""Rounding error of expectation values in float32, by which they may leave [−1, 1]."""


class Shots(NamedTuple):
    """Shots an image, whole numbers as floats; infinite where both expectation values are the same.

    Attributes:
        estimated: number by the normal approximation, z²s²/m² for the one-sided quantile z and the spread s. This is
            the
            number to report.
        guaranteed: number by Hoeffding's inequality, 8 ln(1/(1 − confidence))/m², which holds at any number of shots.
    """

    estimated: DoubleArray
    guaranteed: DoubleArray


def shots_needed(margin: ArrayLike, spread: ArrayLike, confidence: float = 0.99) -> Shots:
    """Shots after which the sampled order of the two largest expectation values is right with this probability.

    The other classes are assumed never to come first.

    Args:
        margin: (images,) m, the largest expectation value less the second largest, in [0, 2].
        spread: (images,) s, the standard deviation of D in one shot; ``largest_spread`` where ⟨Z_aZ_b⟩ is not known.
        confidence: probability of the right order, at least 0.5, below 1.

    Raises:
        PartError: a margin, spread or confidence outside its range.
    """
    margins, spreads = np.asarray(margin, np.float64), np.asarray(spread, np.float64)
    if not 0.5 <= confidence < 1:
        raise PartError(f"expected a confidence of at least 0.5 and below 1, got {confidence:g}")
    for name, values in (("margin", margins), ("spread", spreads)):
        if not np.all((values >= 0) & (values <= LARGEST + ROUNDING)):
            raise PartError(f"expected every {name} in [0, {LARGEST:g}], got {values.min():g} to {values.max():g}")
    quantile = NormalDist().inv_cdf(confidence)
    with np.errstate(divide="ignore", over="ignore"):
        unit = 1 / margins**2
    # a tie is never decided, not even where every shot gives D = 0
    estimated = np.where(margins > 0, (quantile * spreads) ** 2, 1) * unit
    guaranteed = 2 * LARGEST**2 * math.log(1 / (1 - confidence)) * unit
    return Shots(np.maximum(np.ceil(estimated), 1), np.maximum(np.ceil(guaranteed), 1))


def largest_spread(first: ArrayLike, second: ArrayLike) -> DoubleArray:
    """The largest standard deviation that D can have, (images,), given the two expectation values alone.

    Z_a + Z_b is ±2 where the two agree, so they agree with probability at least |⟨Z_a⟩ + ⟨Z_b⟩|/2, and
    E[D²] = 4 P(Z_a ≠ Z_b) ≤ 4 − 2|⟨Z_a⟩ + ⟨Z_b⟩|: conservative, exact where the wires never agree against that sign.

    Args:
        first: (images,) ⟨Z_a⟩ in [−1, 1].
        second: (images,) ⟨Z_b⟩ in [−1, 1].
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return np.sqrt(np.maximum(4 - 2 * np.abs(a + b) - (a - b) ** 2, 0))
