"""The finding about models that are not known to do better than the most frequent class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfModel, Raised
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.statistics.crossed import SYMMETRIC, components, contrast_interval
from qaml.judge.statistics.limits import Limits
from qaml.judge.statistics.paired import tango
from qaml.judge.statistics.runs import Arm, net_skew
from qaml.types import BoolArray, DoubleArray


def _at_chance(evidence: ModelEvidence) -> Iterator[Raised]:
    """Raised for a clean accuracy that is not, with 95 % confidence, above the share of the most frequent class."""
    majority = np.asarray(evidence.clean.majority)
    accuracy, share = np.asarray(evidence.clean.correct, dtype=np.float64), float(majority.mean())
    gain = _gain(accuracy, majority)
    if gain.low <= 0:
        message = (
            f"clean accuracy is {100 * accuracy.mean():.1f} %, the most frequent class has {100 * share:.1f} % of the "
            f"images (difference {100 * (accuracy.mean() - share):+.1f}, 95 % interval {100 * gain.low:+.1f} to "
            f"{100 * gain.high:+.1f})"
        )
        yield Raised(message, "void" if evidence.is_divided else "note")


def _gain(accuracy: DoubleArray, majority: BoolArray) -> Limits:
    """The 95 % interval of the accuracy, from (seeds, n), less that of the constant answer, with images paired."""
    difference = accuracy - majority
    n_seeds, n = accuracy.shape
    if n_seeds == 1 and bool(np.isin(accuracy, (0.0, 1.0)).all()):
        return tango(int((difference > 0).sum()), int((difference < 0).sum()), n)
    skew = net_skew([Arm(accuracy.mean(1), float(n), 1.0)]) if n_seeds > 1 else SYMMETRIC
    return contrast_interval(components([difference]), 1.0, skew)(0.95)


def _has_classes(evidence: ModelEvidence) -> bool:
    """Whether there are images of the most frequent class and of others."""
    majority = evidence.clean.majority
    return majority is not None and len(majority) > 0 and not majority.all()


CHECKS = (OfModel("at_chance", _has_classes, _at_chance),)
