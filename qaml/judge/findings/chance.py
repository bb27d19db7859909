"""The finding about models that are not known to do better than the most frequent class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qaml.judge.findings.names import raised
from qaml.judge.statistics.crossed import SYMMETRIC, components, contrast_interval
from qaml.judge.statistics.limits import Limits
from qaml.judge.statistics.paired import tango
from qaml.judge.statistics.runs import Arm, net_skew
from qaml.metrics.evidence import Clean
from qaml.outcome.outcome import Finding


def at_chance(model: str, clean: Clean, is_divided: bool) -> Iterator[Finding]:
    """A clean accuracy that is not surely (95 %) above that of answering the most frequent class, on the same images.

    Args:
        model: the model.
        clean: on clean images.
        is_divided: whether the claim asks for a metric that divides by it.
    """
    if clean.majority is None or not len(clean.majority) or clean.majority.all():
        return
    accuracy, share = np.asarray(clean.correct, dtype=np.float64), float(clean.majority.mean())
    gain = _gain(accuracy, clean.majority)
    if gain.low <= 0:
        message = (
            f"clean accuracy is {100 * accuracy.mean():.1f} %, the most frequent class has {100 * share:.1f} % of the "
            f"images (difference {100 * (accuracy.mean() - share):+.1f}, 95 % interval {100 * gain.low:+.1f} to "
            f"{100 * gain.high:+.1f})"
        )
        yield raised("at_chance", model, None, message, "void" if is_divided else "note")


def _gain(accuracy: NDArray[np.float64], majority: NDArray[np.bool_]) -> Limits:
    """The 95 % interval of (seeds, n) accuracy less that of the constant answer, images paired."""
    difference = accuracy - majority
    n_seeds, n = accuracy.shape
    if n_seeds == 1 and bool(np.isin(accuracy, (0.0, 1.0)).all()):
        return tango(int((difference > 0).sum()), int((difference < 0).sum()), n)
    skew = net_skew([Arm(accuracy.mean(1), float(n), 1.0)]) if n_seeds > 1 else SYMMETRIC
    return contrast_interval(components([difference]), 1.0, skew)(0.95)
