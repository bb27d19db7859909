from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.outcome.drawings import Roc
from qaml.report.figures import roc
from tests.report.sample_west import roc as sampled

SHARES = st.floats(0, 1) | st.just(math.nan)


def curve(*points: tuple[float, float, float]) -> Roc:
    thresholds, true, false = zip(*points, strict=True) if points else ((), (), ())
    return Roc(detector="d", thresholds=thresholds, true_positives=true, false_positives=false)


def test_the_area_is_that_of_trapezia_from_corner_to_corner() -> None:
    assert roc.area(curve((0.0, 0.5, 0.5))) == pytest.approx(0.5)
    assert roc.area(curve((0.0, 1.0, 0.0))) == pytest.approx(1.0)
    # (0, 0) (0.2, 0.7) (1, 1): 0.07 + 0.68
    assert roc.area(curve((0.5, 0.0, 0.0), (0.0, 0.7, 0.2))) == pytest.approx(0.75)
    assert math.isnan(roc.area(curve()))


def test_the_operating_point_is_threshold_zero() -> None:
    here = roc.operating(sampled())
    assert here == (0.23, 0.74, 0.0)
    assert roc.sentence(sampled()).startswith(
        "At threshold 0 (the dot) disagreement flags 74.0 % of the attacked images and 23.0 % of the clean ones"
    )
    assert roc.draw(sampled(), "t", "d").count('class="o"') == 1


def test_a_curve_without_threshold_zero_has_no_dot() -> None:
    bare = curve((0.5, 0.4, 0.1))
    assert roc.operating(bare) is None
    assert 'class="o"' not in roc.draw(bare, "t", "d")
    assert "guessing has 0.5" in roc.sentence(bare)


@given(st.lists(st.tuples(st.floats(-1, 1), SHARES, SHARES), max_size=150))
def test_any_rates_can_be_drawn_between_the_corners(points: list[tuple[float, float, float]]) -> None:
    found = curve(*points)
    drawn = roc.draw(found, "t", roc.sentence(found))
    assert "nan" not in drawn
    assert drawn.count('class="pt"') <= 101
    assert math.isnan(roc.area(found)) or 0 <= roc.area(found) <= 1
