from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.outcome.drawings import Curve, TrainingCurve
from qaml.outcome.outcome import Measurement
from qaml.outcome.record import Interval
from qaml.report.figures import curves, forest
from qaml.report.figures.accents import Accent
from qaml.report.text.numbers import Style
from tests.report.sample import cell
from tests.report.sample_west import MODELS, defended

POINTS = Style("points", True)


def measurement(value: float, half: float = 0.04, paper: float | None = None, **bounds: float) -> Measurement:
    return Measurement(
        label="", estimate=Interval(value=value, low=value - half, high=value + half), paper=paper, **bounds
    )


def dot(drawing: str) -> float:
    found = re.search(r'<use href="#dot" x="([\d.]+)"', drawing)
    assert found
    return float(found[1])


def test_rows_of_a_family_share_one_scale() -> None:
    family = [measurement(0.1, paper=0.6), measurement(-0.2), measurement(0.4)]
    axis = forest.row_axis(family, POINTS)
    places = [dot(forest.row(m, axis)) for m in family]
    assert (places[0] - places[1]) / 0.3 == pytest.approx((places[2] - places[0]) / 0.3, abs=2)
    assert axis.holds(0.6)
    assert axis.holds(0.0)


def test_the_supported_side_is_shaded_from_the_threshold_to_the_edge() -> None:
    at_least, at_most = measurement(0.1, at_least=0.05), measurement(0.1, at_most=0.05)
    axis = forest.row_axis([at_least, at_most], POINTS)
    edge = axis.place(0.05)
    right = re.search(r'd="M([\d.]+) 0H([\d.]+)V24[^"]*" class="ok"', forest.row(at_least, axis))
    left = re.search(r'd="M([\d.]+) 0H([\d.]+)V24[^"]*" class="ok"', forest.row(at_most, axis))
    assert right
    assert left
    assert [float(g) for g in right.groups()] == pytest.approx([edge, axis.end], abs=0.06)
    assert [float(g) for g in left.groups()] == pytest.approx([axis.start, edge], abs=0.06)


def test_one_wild_interval_does_not_crush_the_others() -> None:
    family = [measurement(0.1), measurement(0.2), measurement(0.15, half=50.0)]
    axis = forest.row_axis(family, POINTS)
    assert axis.high - axis.low < 1
    assert dot(forest.row(family[1], axis)) - dot(forest.row(family[0], axis)) > 20


@given(st.lists(st.tuples(*[st.floats()] * 4), min_size=1, max_size=4))
def test_any_numbers_can_be_drawn(rows: list[tuple[float, float, float, float]]) -> None:
    family = [
        Measurement(
            label="", estimate=Interval(value=v, low=a, high=b, per_seed=(v, a)), paper=p, at_least=a, at_most=b
        )
        for v, a, b, p in rows
    ]
    axis = forest.row_axis(family, POINTS)
    assert axis.low < axis.high
    forest.head(axis, POINTS)
    for m in family:
        drawing = forest.row(m, axis, is_hollow=True)
        assert "nan" not in drawing
        assert "inf" not in drawing


def curve(values: tuple[float, ...], *, epsilons: tuple[float, ...] = (0.1, 0.2, 0.3), model: str = "rbm") -> Curve:
    return Curve(
        model=model,
        attack="fgsm",
        metric="robust_accuracy",
        epsilons=epsilons,
        values=values,
        lows=values,
        highs=values,
    )


def test_the_clean_accuracy_stands_at_epsilon_zero() -> None:
    (panel,) = curves.panels([curve((0.4, 0.2, 0.1))], [cell("rbm", "", 0.88), cell("cnn", "", 0.99)])
    assert panel.curves[0].epsilons == (0.0, 0.1, 0.2, 0.3)
    assert panel.curves[0].values == (0.88, 0.4, 0.2, 0.1)


def test_curves_of_different_budgets_do_not_share_an_axis() -> None:
    linf, l2 = curve((0.4, 0.2, 0.1)), curve((0.5, 0.3, 0.2), epsilons=(0.5, 1.0, 2.0))
    assert [p.curves for p in curves.panels([linf, l2], [])] == [(linf,), (l2,)]
    assert curves.panels([curve((0.1,), epsilons=(math.inf,))], []) == []


def test_the_worst_case_shares_the_axes_of_the_attacks_below_them() -> None:
    single = curve((0.4, 0.2, 0.1)).model_copy(update={"metric": "accuracy_under_attack"})
    worst = curve((0.3, 0.1, 0.1)).model_copy(update={"attack": "worst case", "is_worst_case": True})
    (panel,) = curves.panels([single, worst], [])
    assert (panel.metric, panel.curves) == ("accuracy", (worst, single))
    assert curves.name_of(worst) == "worst case"
    assert curves.name_of(worst.model_copy(update={"attack": "fgsm + pgd"})) == "worst of fgsm + pgd"


def test_a_missing_value_breaks_the_line() -> None:
    (panel,) = curves.panels([curve((0.4, math.nan, 0.1))], [])
    drawing = curves.draw(panel, [Accent("a0", "")], "t", "d")
    assert drawing.count('class="ln"') == 2
    assert "nan" not in drawing


def test_the_papers_points_are_drawn_where_the_cells_have_them() -> None:
    (panel,) = curves.panels([curve((0.4, 0.2, 0.1))], [cell("rbm", "fgsm", 0.4, paper=0.81)])
    assert panel.paper == (("rbm", 0.1, 0.81),)
    assert curves.draw(panel, [Accent("a0", "")], "t", "d").count('class="p a0"') == 1


@given(st.lists(st.floats(0, 300), max_size=12).map(sorted))
def test_labels_are_pushed_apart_and_keep_their_order(wanted: list[float]) -> None:
    placed = curves.spread(wanted, 14, 18, 294)
    assert all(b - a >= 14 - 1e-9 for a, b in pairwise(placed))
    assert all(y <= 294 for y in placed)


def test_many_curves_are_sorted_by_where_the_adversarials_were_made() -> None:
    claim = defended()
    found = {panel.name: panel for panel in curves.panels(claim.curves, claim.cells)}
    assert list(found) == ["pgd made on convnet", "pgd made on each model itself", "worst case"]
    assert [c.model for c in found["pgd made on convnet"].curves] == list(MODELS)
    assert [c.model for c in found["pgd made on each model itself"].curves] == ["convnet", "qvc200"]
    assert all(c.is_worst_case for c in found["worst case"].curves)
    assert len(curves.panels(claim.curves[:8], claim.cells)) == 1


def test_every_label_of_many_curves_has_a_line_of_its_own() -> None:
    models = [f"net{i}" for i in range(30)]
    (panel,) = curves.panels([curve((0.4, 0.2, 0.1), model=model) for model in models], [])
    drawing = curves.draw(panel, [Accent("a0", "")] * 30, "t", "d")
    places = sorted(float(y) for y in re.findall(r'y="([\d.]+)" class="nm', drawing))
    assert len(places) == 30
    assert all(b - a >= 13.9 for a, b in pairwise(places))
    height = float(re.findall(r'viewBox="0 -10 \d+ ([\d.]+)"', drawing)[0])
    assert places[0] > 0
    assert places[-1] < height


@pytest.mark.parametrize(("epochs", "dots"), [(1, 3), (2, 0)])
def test_a_single_epoch_of_training_is_a_dot_a_seed(epochs: int, dots: int) -> None:
    curve = TrainingCurve(model="qvc", name="loss", seeds=tuple((0.1 * seed,) * epochs for seed in range(3)))
    assert curves.draw_training(curve, Accent("a0", ""), "", "").count("<circle") == dots


def test_the_name_of_an_axis_stands_above_its_labels_however_long_they_are() -> None:
    losses = tuple(0.6931 + 1e-6 * i for i in range(5))
    drawing = curves.draw_training(TrainingCurve(model="qvc", name="loss", seeds=(losses,)), Accent("a0", ""), "", "")
    ((name_y,),) = (re.findall(r'y="(-?[\d.]+)" class="hd">loss<', drawing),)
    labels = re.findall(r'y="([\d.]+)" class="tk e">', drawing)
    assert labels
    assert all(float(name_y) < float(y) - 8 for y in labels)
    assert "rotate" not in drawing
