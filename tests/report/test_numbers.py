from __future__ import annotations

import math

import pytest

from qaml.outcome.outcome import Measurement
from qaml.outcome.record import Interval
from qaml.report.text import numbers
from qaml.report.text.numbers import Style

POINTS, SHARE, NORM = Style("points", True), Style("points", False), Style("norm", False)


def estimate(value: float, low: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high)


@pytest.mark.parametrize(
    ("style", "interval", "expected"),
    [
        (POINTS, (0.1242, 0.0813, 0.1694), ("+12.4", "[8.1, 16.9]")),
        (POINTS, (-0.0301, -0.0624, 0.0031), ("−3.0", "[−6.2, 0.3]")),
        (POINTS, (0.124, -0.05, 0.31), ("+12", "[−5, 31]")),
        (POINTS, (-0.0001, -0.02, 0.02), ("0.0", "[−2.0, 2.0]")),
        (SHARE, (0.98123, 0.98081, 0.98161), ("98.12", "[98.08, 98.16]")),
        (SHARE, (1.0, 1.0, 1.0), ("100.0", "[100.0, 100.0]")),
        (NORM, (1.23456, 1.1, 1.4), ("1.23", "[1.10, 1.40]")),
        (NORM, (math.inf, 1.9, math.inf), ("∞", "[1.9, ∞]")),
        (NORM, (123.4, 80.0, 160.0), ("123", "[80, 160]")),
        (SHARE, (0.431, math.nan, math.nan), ("43.1", "")),
        (SHARE, (math.nan, math.nan, math.nan), ("–", "")),
        (NORM, (1e300, 0.0, 1e300), ("1e+300", "[0, 1e+300]")),
    ],
)
def test_a_number_has_as_many_digits_as_its_interval_deserves(
    style: Style, interval: tuple[float, float, float], expected: tuple[str, str]
) -> None:
    shown = numbers.show_estimate(estimate(*interval), style)
    assert (shown.value, shown.interval) == expected


@pytest.mark.parametrize(
    ("at_least", "at_most", "expected"),
    [(0.05, None, "≥ 5"), (None, -0.125, "≤ −12.5"), (-0.02, 0.02, "−2 to 2"), (None, None, ""), (0.07, None, "≥ 7")],
)
def test_a_threshold_is_shown_as_it_was_written(at_least: float | None, at_most: float | None, expected: str) -> None:
    measurement = Measurement(label="", estimate=estimate(0.1, 0, 0.2), at_least=at_least, at_most=at_most)
    assert numbers.show(measurement, POINTS).needed == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (7890, "2 h 11 min"),
        (200, "3 min 20 s"),
        (12.4, "12 s"),
        (0.2, "under 1 s"),
        (math.nan, "–"),
        (3600, "1 h 0 min"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, expected: str) -> None:
    assert numbers.format_duration(seconds) == expected


def test_a_date_is_short_and_anything_else_is_left_alone() -> None:
    assert numbers.format_date("2026-11-20T14:03:11Z") == "20 Nov 2026"
    assert numbers.format_date("yesterday") == "yesterday"


def test_infinities_of_differences_carry_their_sign() -> None:
    assert numbers.format_number(math.inf, 1, is_signed=True) == "+∞"
    assert numbers.format_number(-math.inf, 1) == "−∞"
