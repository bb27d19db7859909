"""How much nearer adversarials are than the norms that a claim's attacks found: what a claimed distance must survive.

A norm is an upper bound of the true distance. On images spread over the training runs other attacks of the same norm,
or exact distances within the bounds, say by how much it is too large; a claim "the median is at least d" is supported
only if it holds for the nearest norms known, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from qaml.claims.base import Cell
from qaml.judge.findings.norms import norms_of
from qaml.judge.findings.subject import Subject
from qaml.types import DoubleArray

ENOUGH_IMAGES = 10
"""With fewer the norms count as not looked at."""


class Shrunk(NamedTuple):
    """What the nearest norms make of a quantile.

    Attributes:
        is_in_scope: whether nearer adversarials would limit the cell at all.
        factor: by which the quantile shrinks; None where they were not looked at.
    """

    is_in_scope: bool
    factor: float | None


OUT_OF_SCOPE = Shrunk(False, None)


def shrunk(cell: Cell, subjects: Mapping[str, Subject]) -> Shrunk:
    """By what factor a cell's quantile of norms shrinks where the nearest norms known take the place of its own.

    In scope are norms that white-box searches found; ``as_published`` cells keep their value, exact distances miss
    nothing.

    Args:
        cell: with its metric.
        subjects: attack name → the cell's model under it.
    """
    own = [subjects[name] for name in cell.attack]
    searched = [one for one in own if one.traits.is_white_box and not one.traits.is_exact]
    if cell.definition.basis != "norms" or cell.protocol == "as_published" or len(searched) < len(own):
        return OUT_OF_SCOPE
    norms = norms_of(own)
    if norms is None or len(norms.own) < ENOUGH_IMAGES or cell.metric != "norm_quantile":
        return Shrunk(True, None)
    before, after = (_quantile(each, cell.quantile) for each in norms)
    return Shrunk(True, 1.0 if before == after else after / before)


def _quantile(norms: DoubleArray, quantile: float) -> float:
    return float(np.quantile(norms, quantile, method="inverted_cdf"))
