"""A section of a page is declared, drawn, explained and printed; what was forgotten is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from qaml.report.pages import claim, html, subject
from tests.docs.fences import DOCS
from tests.report.sample import cell, sample
from tests.report.sample_huang import portrayed
from tests.report.sample_west import square, west
from tests.report.test_sampling import sampled

FOLDER = Path(html.__file__).parent
TEMPLATES = FOLDER / "templates"
PAGES = {"claim": ("claims/", claim.SECTIONS), "subject": ("models/ attacks/", subject.SECTIONS)}
of_every_page = pytest.mark.parametrize(("page", "sections"), [(page, named) for page, (_, named) in PAGES.items()])


def _drawn(name: str) -> set[str]:
    """The sections that a template draws, itself or by a macro of ``sections.html``."""
    text = (TEMPLATES / f"{name}.html").read_text("utf-8")
    macros = (TEMPLATES / "sections.html").read_text("utf-8").split("{% macro ")
    own = {macro.partition("(")[0]: re.findall(r'section\(contents, "(\w+)"', macro) for macro in macros}
    called = set(re.findall(r"\{\{ (\w+)\(contents", text))
    return {
        *re.findall(r'section\(contents, "(\w+)"', text),
        *(each for macro in called for each in own.get(macro, ())),
    }


@of_every_page
def test_a_section_is_declared_and_drawn(page: str, sections: Mapping[str, str]) -> None:
    where = f"qaml/report/pages/{page}.py"
    assert not (lost := sections.keys() - _drawn(page)), (
        f"templates/{page}.html draws no {lost}, which {where} declares"
    )
    assert not (lost := _drawn(page) - sections.keys()), f"SECTIONS of {where} lacks {lost}, which its template draws"


@pytest.fixture(scope="module")
def shown() -> Mapping[str, set[str]]:
    """Page → the sections that it has in some sample."""
    others = [
        outcome.model_copy(update={"cells": (*outcome.cells, cell(model, "bim", 0.4))})
        for outcome, model in ((portrayed(), "qnn"), (sampled(), "qrbm"), (square(), "qvc"))
    ]
    huang = sample().model_copy(update={"outcomes": tuple(others)})
    try:
        texts = [each for outcomes in (sample(), west(), huang) for each in html.pages(outcomes)]
    except KeyError as error:
        pytest.fail(f"claim_view, or subject_view, of qaml/report/pages has no value for the section {error}")
    return {
        page: {
            section
            for name, text in texts
            if name.startswith(tuple(folders.split()))
            for section in re.findall(r'<section id="(\w+)"', text)
        }
        for page, (folders, _) in PAGES.items()
    }


@of_every_page
def test_a_section_is_in_some_sample(shown: Mapping[str, set[str]], page: str, sections: Mapping[str, str]) -> None:
    lost = sections.keys() - shown[page]
    assert not lost, f"no sample of tests/report has what {lost} of qaml/report/pages/{page}.py shows"


@of_every_page
def test_a_section_is_explained(page: str, sections: Mapping[str, str]) -> None:
    rows = re.findall(r"^\| (\*\*.+?) \|", (DOCS / "report.md").read_text("utf-8"), re.MULTILINE)
    explained = {heading for row in rows for heading in re.findall(r"\*\*(.+?)\*\*", row)}
    lost = [heading for heading in sections.values() if heading not in explained]
    assert not lost, f"the table of sections in docs/report.md lacks {lost} ({page})"


def test_what_scrolls_on_a_screen_is_whole_on_paper() -> None:
    style = (FOLDER / "static" / "report.css").read_text("utf-8")
    screen, _, paper = style.partition("@media print")
    scrolling = {name for rule in re.findall(r"([^{};]+)\{[^{}]*overflow-x: auto", screen) for name in rule.split(",")}
    lost = sorted(name for each in scrolling if (name := each.strip().removeprefix("}").strip()) not in paper)
    assert scrolling
    assert not lost, f"@media print of report.css says nothing of {lost}, which is cut off on paper"
