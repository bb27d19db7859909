"""Two runs side by side."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from qaml.errors import StoreError
from qaml.outcome.outcome import Outcome, Outcomes
from qaml.report.pages.compare import compare_markdown, compare_table, pairs
from qaml.report.pages.comparison import write_comparison
from qaml.report.pages.html import write_report
from qaml.text import clean
from tests.report.hostile import HOSTILE
from tests.report.pages import Page
from tests.report.sample import sample


@pytest.fixture(scope="module")
def run() -> Outcomes:
    return sample()


def changed(run: Outcomes, index: int, **update: object) -> Outcomes:
    claims = list(run.outcomes)
    claims[index] = claims[index].model_copy(update=update)
    return run.model_copy(update={"outcomes": tuple(claims)})


def moved(outcome: Outcome, by: float) -> tuple[object, ...]:
    first, *rest = outcome.measured
    ends = {name: getattr(first.estimate, name) + by for name in ("value", "low", "high")}
    return (first.model_copy(update={"estimate": first.estimate.model_copy(update=ends)}), *rest)


def test_a_run_is_like_itself(run: Outcomes) -> None:
    assert {pair.kind for pair in pairs(run, run)} == {"same"}
    assert f"{len(run.outcomes)} alike" in compare_table(run, run)


def test_what_differs_comes_first(run: Outcomes) -> None:
    index = next(i for i, o in enumerate(run.outcomes) if o.verdict == "supported")
    other = changed(run, index, verdict="refuted")
    assert [pair.kind for pair in pairs(run, other)][:2] == ["verdict", "same"]
    assert "● supported → ✕ refuted" in compare_table(run, other)
    assert "| ● supported → ✕ refuted | another verdict |" in compare_markdown(run, other)


def test_numbers_differ_where_neither_interval_holds_the_others_value(run: Outcomes) -> None:
    index = next(i for i, o in enumerate(run.outcomes) if o.measured and o.verdict == "supported")
    near = changed(run, index, measured=moved(run.outcomes[index], 0.001))
    far = changed(run, index, measured=moved(run.outcomes[index], 5.0))
    assert pairs(run, near)[0].kind == "same"
    assert pairs(run, far)[0].kind == "number"


def test_claims_of_one_run_only(run: Outcomes) -> None:
    fewer = run.model_copy(update={"outcomes": run.outcomes[1:]})
    assert pairs(run, fewer)[0] == (run.outcomes[0].node, run.outcomes[0], None, "gone")
    assert pairs(fewer, run)[0].kind == "added"
    assert "only in the second" in compare_table(fewer, run)


def test_a_page_shows_what_differs_and_links_to_both_reports(run: Outcomes, tmp_path: Path) -> None:
    index = next(i for i, o in enumerate(run.outcomes) if o.verdict == "supported" and o.measured)
    other = changed(run, index, verdict="refuted", measured=moved(run.outcomes[index], -0.3))
    later = other.model_copy(update={"outcomes": other.outcomes[:-1]})
    for name, outcomes in (("a b", run), ("later", later)):
        write_report(outcomes, tmp_path / name)
    page = write_comparison(run, later, (tmp_path / "a b", tmp_path / "later"), tmp_path / "compared")
    read = Page(page.read_text("utf-8"))
    assert "1 another verdict · 1 only in the first" in read.text
    assert f"{len(run.outcomes) - 2} claims alike" in read.text
    links = [link for link in read.links() if link.startswith("../")]
    assert {link.split("/")[1] for link in links} == {"a%20b", "later"}
    assert all((page.parent / unquote(link)).is_file() for link in links)
    assert len(read.drawings()) > 2


def test_a_page_without_reports_has_no_links(run: Outcomes, tmp_path: Path) -> None:
    page = write_comparison(run, changed(run, 0, verdict="invalid"), (tmp_path, tmp_path), tmp_path / "compared")
    assert not [link for link in Page(page.read_text("utf-8")).links() if link.endswith(".html")]


def test_no_report_is_replaced(run: Outcomes, tmp_path: Path) -> None:
    (tmp_path / "outcomes.json").write_text("{}")
    with pytest.raises(StoreError, match="holds a report, which the comparison would replace"):
        write_comparison(run, run, (tmp_path, tmp_path), tmp_path)


@pytest.mark.parametrize("text", HOSTILE[:7])
def test_texts_of_either_run_are_only_texts(run: Outcomes, tmp_path: Path, text: str) -> None:
    claims = tuple(o.model_copy(update={"statement": text, "id": o.id + text}) for o in run.outcomes)
    other, none = (run.model_copy(update={"outcomes": each}) for each in (claims, ()))
    harmless, attacked = (
        Page(write_comparison(each, none, (tmp_path, tmp_path), tmp_path / "compared").read_text("utf-8"))
        for each in (run, other)
    )
    assert attacked.shape == harmless.shape
    assert clean(text) in attacked.text
