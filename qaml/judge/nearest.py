"""The factor by which nearer adversarials reduce the norms that a claim's attacks found.

A norm is an upper bound of the true distance. On images spread over the training runs, other attacks of the same norm
or exact distances within the bounds show by how much it is too large; a claim "the median is at least d" is supported
only if it also holds for the smallest known norms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from qaml.claims.base import Cell
from qaml.judge.findings.norms import norms_of
from qaml.judge.findings.subject import Subject

ENOUGH_IMAGES = 10
"""Smallest number of images; with fewer the norms count as unchecked."""


class Shrunk(NamedTuple):
    """The effect of nearer adversarials on a quantile of norms.

    Attributes:
        is_in_scope: whether nearer adversarials would limit the cell.
        factor: factor by which the quantile shrinks, 0–1; ``None`` if they were not searched.
    """

    is_in_scope: bool
    factor: float | None


OUT_OF_SCOPE = Shrunk(False, None)


def shrunk(cell: Cell, subjects: Mapping[str, Subject]) -> Shrunk:
    """The factor by which a cell's quantile of norms shrinks if the smallest known norms replace its own.

    In scope are norms that searches on the model itself found; ``as_published`` cells keep their value, and exact
    distances have no nearer adversarials.

    Args:
        cell: the cell.
        subjects: attack name → the cell's model under it.
    """
    own = [subjects[name] for name in cell.attack]
    searched = [one for one in own if one.traits.is_on_model and not one.traits.is_exact]
    if cell.definition.basis != "norms" or cell.protocol == "as_published" or len(searched) < len(own):
        return OUT_OF_SCOPE
    norms = norms_of(own)
    if norms is None or len(norms.own) < ENOUGH_IMAGES or cell.metric != "norm_quantile":
        return Shrunk(True, None)
    before, after = (float(np.quantile(each, cell.quantile, method="inverted_cdf")) for each in norms)
    return Shrunk(True, 1.0 if before == after else after / before)
