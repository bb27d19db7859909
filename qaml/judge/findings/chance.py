"""The finding about models that are not known to do better than the most frequent class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.claims.base import MetricName
from qaml.judge.findings.names import raised
from qaml.judge.outcome import Finding
from qaml.judge.statistics.crossed import share_interval
from qaml.metrics.evidence import Clean

DIVIDED: frozenset[MetricName] = frozenset({"retained", "attack_success_rate"})
"""Metrics that divide by clean accuracy, or count among the clean-correct."""


def at_chance(model: str, clean: Clean, is_divided: bool) -> Iterator[Finding]:
    """A clean accuracy that is not surely (95 %) above the share of the most frequent class.

    Args:
        model: the model.
        clean: on clean images.
        is_divided: whether the claim asks for a metric that divides by it.
    """
    if clean.majority is None or clean.correct.shape[1] == 0 or clean.majority == 1:
        return
    values = np.asarray(clean.correct, dtype=np.float64)
    low = share_interval(values, float(values.shape[1]))(0.95).low
    if low <= clean.majority:
        message = (
            f"clean accuracy is {100 * values.mean():.1f} %, at least {100 * low:.1f} % (95 %), and the most frequent "
            f"class has {100 * clean.majority:.1f} % of the images"
        )
        yield raised("at_chance", model, None, message, "void" if is_divided else "note")
