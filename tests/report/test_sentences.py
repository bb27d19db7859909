from __future__ import annotations

import math

import pytest

from qaml.outcome.drawings import TrainingCurve
from qaml.report.figures import captions
from qaml.report.figures.curves import panels
from qaml.report.text import sentences
from tests.report.sample import comparison, outcome, sample, strip


def test_the_verdict_is_said_with_its_number() -> None:
    claim = comparison("cnn-adv", "fgsm")
    said = "+12.4 points, 95 % interval 8.0 to 17.0, needed ≥ 5; 5 seeds × 1,000 images"
    assert sentences.verdict_numbers(claim) == said
    assert sentences.verdict_numbers(outcome("x", "y")) == "nothing was measured"


@pytest.mark.parametrize(("beyond", "shown"), [("", ""), ("closest of 3", "closest of 3"), (None, "it is masked")])
def test_a_reason_does_not_repeat_the_numbers(beyond: str | None, shown: str) -> None:
    claim = comparison("cnn-adv", "fgsm").model_copy(update={"reason": "it is masked", "beyond": beyond})
    assert sentences.reason_beyond_numbers(claim) == shown


def test_a_forest_plots_sentence_compares_with_threshold_and_paper() -> None:
    claim = comparison("cnn-adv", "fgsm")
    assert sentences.forest_sentence(claim) == (
        "The whole interval lies within what the claim needs (≥ 5). "
        "The paper's +67.8 lies outside it, 55.4 points above ours."
    )
    across = comparison("cnn-smoothed", "deepfool")
    assert sentences.forest_sentence(across).startswith("The interval reaches across the edge")
    outside = comparison("cnn-adv", "cw")
    assert sentences.forest_sentence(outside).startswith("The whole interval lies outside")
    invalid = comparison("cnn-smoothed", "fgsm")
    assert sentences.forest_sentence(invalid).endswith("The measurement is invalid, so this decides nothing.")


def test_many_numbers_are_counted_against_the_paper() -> None:
    claim = next(o for o in sample().outcomes if o.kind == "reported")
    assert "11 of the paper's 12 values lie outside our intervals." in sentences.forest_sentence(claim)


def test_a_curves_sentence_names_the_extremes_and_what_is_drawn() -> None:
    claim = comparison("cnn-adv", "fgsm")
    (panel,) = panels(claim.curves, claim.cells)
    assert captions.curve_sentence(panel) == (
        "Of 3 curves the lowest and the highest end: rbm (worst of fgsm + transfer) goes from 88.1 % at ε = 0"
        " to 8.0 % at ε = 0.3; rbm (fgsm) goes from 88.1 % at ε = 0 to 18.0 % at ε = 0.3. Bands are 95 % intervals,"
        " the thick line is the worst case over the attacks named, diamonds are the paper's."
    )


def test_a_training_curves_sentence_says_where_the_seeds_end() -> None:
    seeds = ((1.0, 0.21), (1.1, 0.25), (1.0, math.nan))
    said = captions.training_sentence(TrainingCurve(model="rbm", name="loss", seeds=seeds))
    assert said == "loss after 2 epochs: 0.21 to 0.25 over 2 seeds; 1 seed ended without a finite value."
    none = captions.training_sentence(TrainingCurve(model="rbm", name="loss", seeds=((),)))
    assert none == "rbm: no finite loss was recorded."


def test_a_strips_sentence_counts_the_changed_labels() -> None:
    said = captions.strip_sentence(strip("fgsm"))
    assert said == "The attack changes the label of 5 of 6 images shown; median norm of the perturbation 0.1."


def test_a_tables_sentence_names_the_largest_gap() -> None:
    (table,) = sample().suites[0].tables
    assert captions.table_sentence(table) == (
        "11 of 12 cells measured; the paper's value lies in our interval in 1. "
        "The largest gap is rbm under fgsm: −38.1 points here."
    )
