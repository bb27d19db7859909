"""Majority votes over single-shot measurements of a circuit that draws anew each time."""

from __future__ import annotations

from qaml.types import DoubleArray


def vote_chance(probabilities: DoubleArray, shots: int) -> DoubleArray:
    """The chance that a vote says 1 (Huang & Zhang 2023, algorithm 2).

    Every shot has a draw of its own, so shots are independent with the same probability, the average over draws, and
    their number of ones is binomial for any distribution of the draws. A tie says 0, as in the algorithm.

    Args:
        probabilities: probability that a shot is 1, averaged over draws, of any shape.
        shots: number J of shots.

    Returns:
        The chances, of the same shape.
    """
    import numpy as np
    from scipy.stats import binom

    return np.asarray(binom.sf(shots // 2, shots, probabilities), dtype=np.float64)
