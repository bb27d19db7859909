"""Every metric says what a weak attack does to it; a metric without a direction would be supported by any attack."""

from __future__ import annotations

from typing import get_args

from qaml.claims.base import MetricName
from qaml.claims.cells import OF_TRAINING
from qaml.judge.weakness import FALLS, RISES, VOIDED

UNTOUCHED = OF_TRAINING | {"clean_accuracy", "certified_accuracy"}
"""Metrics that no attack enters, and exact distances, which miss nothing."""


def test_every_metric_has_one_direction() -> None:
    classes = (FALLS, RISES, VOIDED, UNTOUCHED)
    assert sorted(name for names in classes for name in names) == sorted(get_args(MetricName))
