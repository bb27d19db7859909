"""Nested cells, of which one cannot exceed the other: fewer threats fool a subset of the images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qaml.budgets import is_within
from qaml.claims.base import Cell, Term
from qaml.judge.resolve import Resolver
from qaml.metrics.contributions import Contributions, align


def as_one_share(terms: Sequence[Term], shares: Sequence[Contributions], resolver: Resolver) -> Contributions | None:
    """The share of images that only the additional threats fool, if a contrast is a cell minus one nested in it.

    Clean and robust accuracy of one model are nested by definition, so their difference cannot be negative, and its
    interval is that of a share. The evidence must agree, too: draws of randomised models can disagree by chance.

    Args:
        terms: terms of the contrast.
        shares: contributions of each term.
        resolver: resolver of the claim's evidence.

    Returns:
        One share; ``None`` for other contrasts, and if the evidence disagrees.
    """
    if sorted(weight for _, weight in terms) != [-1.0, 1.0]:
        return None
    outer = 0 if terms[0].weight > 0 else 1
    if not _is_nested(terms[1 - outer].cell, terms[outer].cell, resolver):
        return None
    rows, indices = align([(share.values, share.indices) for share in shares])
    lost = rows[outer] - rows[1 - outer]
    return Contributions(lost, indices, True, float(len(indices))) if np.all(lost >= 0) else None


def _is_nested(inner: Cell, outer: Cell, resolver: Resolver) -> bool:
    """Whether ``inner`` counts every threat that ``outer`` counts."""
    if inner.model != outer.model or inner.aggregate or outer.aggregate:
        return False
    if inner.metric != "robust_accuracy" or outer.metric not in ("robust_accuracy", "clean_accuracy"):
        return False
    if outer.metric == "clean_accuracy":
        return True
    limits = dict(zip(inner.attack, resolver.budgets(inner), strict=True))
    return all(
        name in limits and is_within(budget, limits[name])
        for name, budget in zip(outer.attack, resolver.budgets(outer), strict=True)
    )
