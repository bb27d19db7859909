"""Earlier runs in the report: courses of cells, verdicts that turned, and a baseline's cells."""

from __future__ import annotations

import math

from qaml.outcome.history import are_apart, cell_name, with_earlier
from qaml.outcome.past import Regression
from qaml.outcome.record import Interval
from qaml.report.figures.accents import accents
from qaml.report.figures.courses import draw, earlier
from qaml.report.pages import html
from qaml.report.text.gate import gate_view
from qaml.report.text.headlines import changed, headlines
from tests.report.pages import Page
from tests.report.sample import REGRESSION, past, sample


def test_a_cell_has_a_course_that_ends_with_this_run() -> None:
    run = sample()
    rbm = run.outcomes[0]
    courses = earlier(run).courses("x", rbm.suite, rbm.cells, accents(run))
    assert courses is not None
    assert len(courses.rows) == len(rbm.cells)
    second = courses.rows[1]
    value = 100 * rbm.cells[1].estimate.value
    assert (second.n_runs, second.now) == (4, f"{value:.1f} %")
    assert second.first == f"{value + 3:.1f} %"
    assert second.before == f"{value + 1:.1f} %"


def test_the_drawing_leaves_out_what_is_no_number() -> None:
    nan = math.nan
    drawing = draw([(0.5, 0.4, 0.6), (nan, nan, nan), (0.7, nan, nan), (0.6, 0.5, 0.7)], "a0", "in words")
    assert drawing.count("<circle") == 3
    assert drawing.count('r="3.2"') == 1
    assert 'r="3.2"' not in draw([(0.5, 0.4, 0.6), (0.7, 0.6, 0.8), (nan, nan, nan)], "a0", "")
    assert "nan" not in drawing
    assert "<title>in words</title>" in drawing
    assert "<circle" not in draw([(nan, nan, nan)] * 2, "a0", "")


def test_pages_of_claims_models_and_attacks_show_courses() -> None:
    pages = dict(html.pages(sample()))
    claim = "claims/kehoe2021/rbm-beats-cnn-adv-under-deepfool.html"
    for name in (claim, "models/kehoe2021/rbm.html", "attacks/kehoe2021/fgsm.html"):
        assert 'class="co a' in pages[name]
    assert '<p class="turns"><span title="17 Nov 2026">' in pages[claim]
    assert not any('class="co a' in text for _, text in html.pages(sample().model_copy(update={"earlier": ()})))


def test_the_overview_says_what_changed() -> None:
    run = sample()
    line = changed(run)
    assert line is not None
    assert line.text == "1 verdict changed since the run of 19 Nov 2026, commit 000000000001"
    groups = {group.label: [o.node for o in group.outcomes] for group in line.groups}
    assert groups["new"] == [run.outcomes[0].node]
    assert groups[f"inconclusive → {run.outcomes[1].verdict}"] == [run.outcomes[1].node]
    assert groups["cells outside their earlier intervals"]
    assert changed(run.model_copy(update={"earlier": ()})) is None


def test_a_run_like_the_last_one_says_so() -> None:
    run = sample().model_copy(update={"earlier": (), "regression": None})
    like = past(run, 0).model_copy(update={"verdicts": {o.node: o.verdict for o in run.outcomes}})
    first = cell_name(run.outcomes[0].suite, run.outcomes[0].cells[0])
    own = run.outcomes[0].cells[0].estimate
    like = like.model_copy(update={"cells": {**like.cells, first: (own.value, own.low, own.high)}})
    line = changed(with_earlier(run, [like]))
    assert line is not None
    assert line.text.startswith("No verdict changed")
    assert line.groups == ()


def test_only_runs_of_the_profile_and_their_own_cells_are_kept() -> None:
    run = sample().model_copy(update={"earlier": ()})
    other = past(run, 2).model_copy(update={"profile": "quick"})
    foreign = past(run, 1).model_copy(update={"cells": {"a/b/c m": (0.1, 0.0, 0.2)}, "verdicts": {}})
    assert with_earlier(run, [other, foreign]).earlier == ()
    many = [past(run, 1)] * 30
    assert len(with_earlier(run, many).earlier) == 20


def test_the_gate_stands_above_the_claims() -> None:
    run = sample()
    page = Page(dict(html.pages(run))["index.html"])
    assert "Against the baseline of 2 Oct 2026, commit 0123456789ab" in page.text
    assert "5 further training runs" in page.text
    assert [line.is_alarm for line in headlines(run) if "baseline" in line.text] == [True]
    view = gate_view(run.regression)
    assert view is not None
    assert [change.status for change, _ in view["rows"]] == ["worse", "vanished"]
    assert view["notes"] == ["not comparable: kehoe2021/rbm/cw@0.1: another dataset"]
    assert gate_view(None) is None


def test_the_overview_reassures_nobody_where_nothing_was_compared() -> None:
    run = sample()
    changes = [change for change in REGRESSION.changes if change.drop is None]
    said = {
        "No cell could be held against the baseline of 2 Oct 2026": REGRESSION.model_copy(
            update={"changes": tuple(changes)}
        ),
        "The gate could not judge the run": Regression(failure="<b>the baseline is damaged</b>"),
    }
    for text, regression in said.items():
        held = run.model_copy(update={"regression": regression})
        assert [line.is_alarm for line in headlines(held) if line.text == text] == [True]
    page = Page(dict(html.pages(held))["index.html"])
    assert "<b>the baseline is damaged</b>" in page.text


def test_numbers_are_the_same_as_kept_ones() -> None:
    """They are kept with five digits."""
    value = Interval(value=0.123456789, low=0.123456789, high=0.123456789)
    assert not are_apart(value, Interval(value=0.12346, low=0.12346, high=0.12346))
    assert are_apart(value, Interval(value=0.1236, low=0.1236, high=0.1236))
    assert are_apart(value, Interval(value=math.nan, low=math.nan, high=math.nan))


def test_contents_lead_to_sections() -> None:
    for name, text in html.pages(sample()):
        page = Page(text)
        ids = {value for _, key, value in page.attributes if key == "id"}
        for link in page.links():
            if link.startswith("#"):
                assert link[1:] in ids, (name, link)
