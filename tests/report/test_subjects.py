from __future__ import annotations

from typing import Any

from qaml.outcome.outcome import Outcomes
from qaml.report.figures.accents import accents
from qaml.report.figures.courses import earlier
from qaml.report.pages import html, overview
from qaml.report.pages.subject import subject_view
from qaml.report.pages.subjects import Kind, Links, Subject, subjects
from tests.report.pages import Page
from tests.report.sample import ATTACKS, RIVALS, sample
from tests.report.sample_west import west


def view(outcomes: Outcomes, kind: Kind, name: str) -> dict[str, Any]:
    suite = outcomes.outcomes[0].suite
    return subject_view(Subject(kind, suite, name), subjects(outcomes.outcomes), accents(outcomes), earlier(outcomes))


def test_every_model_and_attack_has_a_page() -> None:
    pages = dict(html.pages(sample()))
    assert {f"models/kehoe2021/{name}.html" for name in (*RIVALS, "rbm", "cnn")} <= pages.keys()
    assert {f"attacks/kehoe2021/{name}.html" for name in ATTACKS} <= pages.keys()


def test_a_model_knows_all_of_its_claims_and_nothing_twice() -> None:
    rbm = view(sample(), "model", "rbm")
    assert len(rbm["claims"]) == sum(rbm["counts"].values())
    labels = [(table.heading, row.label, row.epsilon) for table in rbm["cells"] for row in table.rows]
    assert len(set(labels)) == len(labels)
    assert {("robust accuracy, budgeted", attack, "0.1") for attack in ATTACKS} <= set(labels)
    assert [figure.heading for figure in rbm["training"]] == ["rbm"]
    assert rbm["partners"] == (*ATTACKS, "transfer")


def test_findings_stand_once_with_the_claims_that_they_concern() -> None:
    rbm = view(sample(), "model", "rbm")
    names = [group.view.finding.name for group in rbm["findings"]]
    assert names[0] == "non_finite_logits"
    assert names.count("transfer_beats_white_box") == 1
    (group,) = (g for g in rbm["findings"] if g.view.finding.name == "transfer_beats_white_box")
    assert len(group.claims) == 3
    assert "fools more than it" in group.view.raised_if


def test_an_attack_of_another_model_is_a_case_of_it() -> None:
    pgd = view(west(), "attack", "pgd")
    assert len(pgd["transfers"]) == 1
    assert all(figure.drawing for figure in pgd["curves"])
    assert not pgd["training"]
    assert "pgd@convnet" not in {subject.name for subject in subjects(west().outcomes)}


def test_the_same_name_in_another_suite_is_another_model() -> None:
    two = sample(2)
    rbm = view(two, "model", "rbm")
    assert rbm["namesakes"] == [Subject("model", "copy1", "rbm")]
    assert len(rbm["claims"]) == len(view(sample(), "model", "rbm")["claims"])
    assert 'href="../../models/copy1/rbm.html"' in dict(html.pages(two))["models/kehoe2021/rbm.html"]


def test_a_link_leads_to_a_page_or_nowhere() -> None:
    known = subjects(west().outcomes)
    links = Links("../../", known, frozenset({"finding-x"}))
    assert links.attack("west2022", "pgd@convnet") == "../../attacks/west2022/pgd.html"
    assert links.model("west2022", "convnet") == "../../models/west2022/convnet.html"
    assert links.model("west2022", "gone") == links.attack("west2022", "gone") == links.term("finding-y") == ""
    assert links.term("finding-x") == "../../glossary.html#finding-x"


def test_numbers_behind_the_overview_are_one_file() -> None:
    outcomes = sample()
    header, *rows = overview.claims_csv(outcomes).splitlines()
    assert header.startswith("suite,id,statement,kind,profile,verdict,expected,unit,value,low,high,at_least,at_most")
    assert len(rows) == len(outcomes.outcomes)


def test_papers_are_told_in_a_sentence_each() -> None:
    page = Page(html.index_page(sample()))
    assert "under FGSM its gradient is masked" in page.text
    bare = Page(html.index_page(sample().model_copy(update={"suites": ()}))).text
    said = "Of 16 claims 5 are supported, 6 are refuted, 2 are inconclusive and 3 cannot be decided; 5 not as expected."
    assert said in bare
