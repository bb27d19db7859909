"""A metric of evidence that every claim has: what one attack costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qaml.metrics.base import MetricPart

if TYPE_CHECKING:
    from qaml.metrics.contributions import Contributions
    from qaml.metrics.evidence import Attacked, Clean


class Lost(MetricPart):
    """Share of all images that are classified correctly without the attack and wrongly under it."""

    unit = "share"
    direction = "rises"
    attacks = "one"
    budget = "needed"
    function = "qaml_example.lost:lost"


def lost(clean: Clean, attacked: Attacked, epsilon: float) -> Contributions:
    """Average clean × (1 − attacked) over the images that both were measured on."""
    from qaml.metrics.accuracy import correct_at
    from qaml.metrics.contributions import align, share

    after = correct_at(attacked, epsilon, clean)
    (before, kept), indices = align([(clean.correct, clean.indices), (after.values, after.indices)])
    return share(before * (1 - kept), indices)
