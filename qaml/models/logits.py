"""Logits as answers: which rows name a class, and whether rounding could change the largest logit.

``-inf`` or -1e9 at one class is a mask, with which a classifier may rule that class out, and an answer like any other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.types import BoolArray, DoubleArray, Tensor


def has_answer(logits: Tensor) -> Tensor:
    """Which rows of (batch, classes) name a class, (batch,) bool.

    NaN anywhere is no answer, nor is a largest logit that does not exist: +inf more than once, or -inf everywhere.
    """
    is_decided = (logits == math.inf).sum(1) <= 1
    return is_decided & (logits > -math.inf).any(1) & ~logits.isnan().any(1)


class Margins(NamedTuple):
    """The two largest logits of each row.

    Attributes:
        margin: (n,) difference of the two.
        precision: (n,) possible error of float32 arithmetic at their size.
    """

    margin: DoubleArray
    precision: DoubleArray

    @property
    def is_below(self) -> BoolArray:
        """(n,) whether rounding decides which of the two is larger."""
        return self.margin <= self.precision


def margins(logits: NDArray[np.floating]) -> Margins:
    """Compare the two largest of (n, classes) logits; other classes may be masked, however far down."""
    top = np.sort(np.asarray(logits, dtype=np.float64), axis=1)[:, -2:]
    with np.errstate(invalid="ignore"):
        margin = top[:, 1] - top[:, 0]
    sizes = np.abs(np.where(np.isfinite(top), top, 0.0)).max(1)
    return Margins(margin, 8 * float(np.finfo(np.float32).eps) * sizes)
