from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2.compiler import CodeGenerator
from markupsafe import escape

from qaml.outcome.history import with_earlier
from qaml.outcome.merge import save
from qaml.outcome.outcome import Outcome, Outcomes
from qaml.report.figures.accents import accents
from qaml.report.pages import html, overview
from qaml.text import clean
from qaml.vocab import CELL_STATUSES, Verdict
from tests.campaign.whole import drawn
from tests.report.hostile import HOSTILE, TOGETHER
from tests.report.pages import Page
from tests.report.sample import comparison, past, sample, write_media
from tests.report.sample_huang import portrayed
from tests.report.sample_west import defended, detected, square, west

KEPT = {"metric", "kind", "created", "schema_version", "sha256", "gates", "regions", "encoding"}
"""Free strings with a meaning, on which a page's shape depends."""


LINK = re.compile(r"(?:\.\./\.\./)?[\w.%/,+~-]*(?:#[\w.-]+)?|data:text/csv;charset=utf-8,[\w.,;:=+*/()~%-]*", re.ASCII)
"""Below the report's folder, or data to save."""


def pages(outcomes: Outcomes) -> dict[str, Page]:
    return {name: Page(text) for name, text in html.pages(outcomes)}


def test_values_are_escaped_as_jinja_escapes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = Outcomes.model_validate(with_suffix(sample().model_dump(), HOSTILE[1]))
    ours = dict(html.pages(outcomes))
    with monkeypatch.context() as patch:
        patch.setattr(html, "_environment", cache(html._environment.__wrapped__))
        patch.setattr(html, "_macros", cache(html._macros.__wrapped__))
        patch.setattr(html, "_Compiler", CodeGenerator)
        patch.setattr(html, "_repeated", lambda text: escape(clean(text)))
        assert dict(html.pages(outcomes)) == ours


def with_suffix(value: Any, suffix: str, key: str = "") -> Any:
    """Every free string of dumped outcomes with the suffix behind it, names used as keys included."""
    if isinstance(value, dict):
        is_free = key in ("case", "setting", "caveats", "assumed", "artefacts", "versions", "data", "seeds")
        return {k + suffix if is_free else k: with_suffix(v, suffix, "" if is_free else k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [with_suffix(v, suffix, key) for v in value]
    is_word = value in {
        *get_args(Verdict),
        *CELL_STATUSES,
        "standard",
        "budgeted",
        "as_published",
        "weak",
        "void",
        "note",
        "points",
        "norm",
    }
    return value if not isinstance(value, str) or key in KEPT or is_word else value + suffix


def hostile(suffix: str) -> Outcomes:
    small = sample().model_dump() | {"earlier": ()}
    own = [small["outcomes"][i] for i in (0, 3, -2)]
    small["outcomes"] = (*own, *(each().model_dump() for each in (defended, detected, square, portrayed)))
    return with_past(Outcomes.model_validate(with_suffix(small, suffix)))


def with_past(run: Outcomes) -> Outcomes:
    return with_earlier(run, [past(run, days_ago) for days_ago in (3, 2, 1)])


@cache
def ordinary() -> list[list[tuple[str, tuple[str, ...]]]]:
    """The shapes of the pages of harmless text."""
    return [page.shape for page in pages(hostile("x")).values()]


def check_safe(page: Page, *, is_index: bool) -> None:
    assert page.scripts == ([html._static("report.js")] if is_index else [])
    assert sum(tag == "script" for tag, _ in page.shape) == is_index
    assert not [name for _, names in page.shape for name in names if name.startswith("on")]
    assert all(LINK.fullmatch(link) for link in page.links())
    assert all(tag == "a" for tag, _, value in page.attributes if value.startswith("data:"))
    assert page.source == clean(page.source)
    page.source.encode("utf-8")
    page.drawings()


@pytest.mark.parametrize("texts", [*TOGETHER, HOSTILE[0], HOSTILE[1], HOSTILE[4]])  # short texts are cached
def test_text_of_a_spec_never_becomes_markup(texts: str) -> None:
    attacked = pages(hostile(texts))
    assert [p.shape for p in attacked.values()] == ordinary()
    for name, page in attacked.items():
        check_safe(page, is_index=name == "index.html")
        assert clean(texts) in page.text or name == "glossary.html"


@settings(max_examples=drawn(5, 30), deadline=None)
@given(st.text(st.characters(codec=None), min_size=1, max_size=30).filter(str.strip))
@example("@0")
@example(".0")
def test_any_text_is_only_text(text: str) -> None:
    for name, page in pages(hostile(text)).items():
        check_safe(page, is_index=name == "index.html")


@pytest.mark.parametrize("field", ["kind", "metric"])
def test_words_with_a_meaning_are_escaped_too(field: str) -> None:
    claim = comparison("cnn-adv", "fgsm").model_dump()
    for record in (claim, *claim["cells"], *claim["curves"]):
        if field in record:
            record[field] = HOSTILE[3]
    outcomes = sample().model_copy(update={"outcomes": (Outcome.model_validate(claim),)})
    for name, page in pages(outcomes).items():
        check_safe(page, is_index=name == "index.html")


def test_every_figure_has_a_title_and_a_sentence() -> None:
    for page in (*pages(sample()).values(), *pages(west()).values()):
        for drawing in page.drawings():
            is_named = drawing.find("title") is not None or "aria-label" in drawing.attrib
            assert is_named or drawing.get("aria-hidden") == "true"
            if drawing.get("class") in ("fl", "cv", "tr"):
                assert drawing.findtext("desc")


def test_nothing_is_fetched_from_a_network() -> None:
    sources = [p.source for o in (sample(), west()) for p in pages(o).values()] + [html._static("report.css")]
    for source in sources:
        assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", source)


def test_pages_link_to_files_that_exist(tmp_path: Path) -> None:
    write_media(tmp_path)
    save(sample(), tmp_path)
    index = html.write_report(sample(), tmp_path)
    assert index == tmp_path / "index.html"
    known = {file: Page(file.read_text("utf-8")) for file in tmp_path.rglob("*.html")}
    assert {file.parent.parent.name for file in known} >= {"claims", "models", "attacks"}
    for file, page in known.items():
        for link in page.links():
            path, _, anchor = link.partition("#")
            target = (file.parent / path).resolve() if path else file
            assert link.startswith("data:") or target.is_file(), link
            assert not anchor or ("id", anchor) in {(name, value) for _, name, value in known[target].attributes}, link


def test_pictures_are_loaded_lazily_and_described() -> None:
    page = pages(sample())["claims/kehoe2021/rbm-beats-cnn-adv-under-fgsm.html"]
    pictures = [names for tag, names in page.shape if tag == "img"]
    assert len(pictures) == 18
    assert all({"loading", "alt", "width", "height"} <= set(names) for names in pictures)


def test_a_strip_tells_where_the_perturbation_was_made_and_how_smooth_it_is() -> None:
    text = pages(west())["claims/west2022/qvc-resists-convnet-pgd.html"].text
    assert "convnet under pgd, ε = 0.3" in text
    assert "qvc200 under pgd made on convnet, ε = 0.3" in text
    assert text.count("low f 50 %") == 3
    assert text.count("low f ") == 15
    assert "low f" not in pages(sample())["claims/kehoe2021/rbm-beats-cnn-adv-under-fgsm.html"].text


def test_a_claims_page_is_read_in_the_agreed_order() -> None:
    text = pages(sample())["claims/kehoe2021/rbm-beats-cnn-squeezed-under-fgsm.html"].text
    wanted = [
        "The RBM keeps at least",
        ": +31.0 points",
        "expected",
        "because",
        "What weakens it",
        "The measured number",
    ]
    wanted += [
        "Accuracy over the budget",
        "Images",
        "Training",
        "Assumptions",
        "Provenance",
        "as written",
        "Run it again",
    ]
    start = text.index("next claim")
    places = [text.index(part, start) for part in wanted]
    assert places == sorted(places)


def test_findings_stand_above_the_claims() -> None:
    text = pages(sample())["index.html"].text
    first = text.index("3 claims cannot be decided")
    assert first < text.index("transfer beats white-box (2)") < text.index("Boltzmann machines as a defence")


def test_filters_name_what_the_rows_name() -> None:
    outcomes = sample()
    choices = overview.filters(outcomes)
    row = overview.suites(outcomes, choices, accents(outcomes))[0]["families"][0].rows[0]
    assert [choices.models[int(i)] for i in row.models.split()] == ["rbm", "cnn-adv"]
    assert [choices.attacks[int(i)] for i in row.attacks.split()] == ["fgsm"]


def test_a_report_of_nothing_says_so(tmp_path: Path) -> None:
    index = html.write_report(Outcomes(created="2026-11-20T00:00:00Z", profile="quick"), tmp_path)
    page = Page(index.read_text("utf-8"))
    assert "No claim was judged." in page.text
    assert "says nothing about the papers' own experiments" in page.text


def test_a_row_of_the_overview_is_small() -> None:
    one, many = (len(html.index_page(sample(n)).encode()) for n in (1, 11))
    assert (many - one) / 160 <= 1010


@pytest.mark.slow
def test_an_overview_of_many_claims_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brief rows, 783 bytes each, and 27 kB around them: 3.95 MB for 5,000 claims."""
    monkeypatch.setattr(overview, "MOST_DETAILED", 1000)
    outcomes = sample(63)
    page = html.index_page(outcomes)
    assert len(outcomes.outcomes) > 1000
    assert len(page.encode()) <= 826_000
    found = Page(page)
    assert sum(name == "data-m" for _, name, _ in found.attributes) == 1008
    assert found.text.count("faint points") == 1  # in how to read it: brief rows have none


def test_a_report_imports_no_heavy_library() -> None:
    code = (
        "import sys, qaml.report.pages.html, qaml.report.text.markdown, qaml.report.text.terminal;"
        "import qaml.outcome.merge, qaml.report.text.junit;"
        "print({m.partition('.')[0] for m in sys.modules} & {'torch', 'numpy', 'scipy', 'matplotlib', 'PIL', 'numba'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
