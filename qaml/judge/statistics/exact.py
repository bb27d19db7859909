"""The exact tests that the validity findings use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special


class Excess(NamedTuple):
    """How much more often one attack fools than another, on the same images.

    Attributes:
        share: mean difference of the shares of draws in which the attacks fool.
        n_more: number of images that the first attack fools more often.
        n_less: number of images that the first attack fools less often.
        p_value: exact one-sided p-value (the sign test; McNemar's for zero-one evidence).
    """

    share: float
    n_more: int
    n_less: int
    p_value: float


def paired_excess(first: NDArray[np.floating], second: NDArray[np.floating]) -> Excess:
    """Test whether the first attack fools more than the second.

    Args:
        first: (n,) share of draws predicted correctly under the first attack.
        second: (n,) share of draws predicted correctly under the second attack, on the same images.
    """
    more, less = int(np.sum(first < second)), int(np.sum(first > second))
    share = float(np.mean(second - first)) if len(first) else 0.0
    return Excess(share, more, less, binomial_excess(more, more + less, 0.5))


def binomial_excess(count: int, n: int, share: float) -> float:
    """Exact one-sided p-value of at least ``count`` successes in ``n`` trials of probability ``share``."""
    return float(special.bdtrc(count - 1, n, share)) if count else 1.0
