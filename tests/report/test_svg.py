from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.report.figures import svg
from qaml.report.figures.svg import Axis

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


@given(FINITE, st.floats(1e-4, 1e6), st.integers(2, 9))
def test_ticks_are_round_increasing_and_inside(low: float, span: float, most: int) -> None:
    axis = Axis(low, low + span, 0, 100)
    ticks = axis.ticks(most)
    assert len(ticks) <= most
    assert ticks == sorted(set(ticks))
    slack = span * 1e-6
    assert all(axis.low - slack <= t <= axis.high + slack for t in ticks)


def test_ticks_of_a_percentage_scale() -> None:
    assert Axis(-0.4, 0.6, 0, 1).ticks(6) == pytest.approx([-0.4, -0.2, 0, 0.2, 0.4, 0.6])
    assert [svg.tick_label(t, 100) for t in Axis(-0.05, 0.11, 0, 1).ticks(4)] == ["−5", "0", "5", "10"]


def test_values_beyond_the_axis_stand_at_its_ends() -> None:
    axis = Axis(0.0, 2.0, 10.0, 110.0)
    assert [axis.place(v) for v in (-math.inf, -1, 0, 1, 2, 3, math.inf)] == [10, 10, 10, 60, 110, 110, 110]
    assert Axis(0.0, 1.0, 100.0, 0.0).place(0.25) == 75


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=6))
def test_a_padded_axis_holds_every_drawable_value(values: list[float]) -> None:
    axis = svg.padded(values, 0, 1)
    assert axis.low < axis.high
    assert all(axis.holds(v) for v in values if abs(v) < 1e150)


def test_elements_escape_text_and_attributes() -> None:
    drawn = svg.tag("text", "<b>&\x00", svg.tag("title", '"'), class_='a"b', aria_label=None, x=1.04)
    assert drawn == '<text class="a&#34;b" x="1">&lt;b&gt;&amp;␀<title>&#34;</title></text>'


def test_ticks_that_lie_close_together_are_told_apart() -> None:
    ticks = Axis(0.69311, 0.69319, 0, 1).ticks(6)
    labels = svg.tick_labels(ticks)
    assert len(set(labels)) == len(labels) >= 3
    assert svg.tick_labels([0.0, 0.05, 0.1], 100) == ["0", "5", "10"]


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=1, max_size=5))
def test_a_paths_coordinates_are_short(points: list[tuple[float, float]]) -> None:
    wanted = "L".join(f"{svg.short(x)} {svg.short(y)}" for x, y in points)
    assert svg.path(points) == f"M{wanted}"
    assert svg.path(points, is_closed=True) == f"M{wanted}Z"
    assert svg.dots(points) == "".join(f"M{svg.short(x)} {svg.short(y)}h0" for x, y in points)
