"""The HTML report: an overview, a page a claim, a model and an attack, and a glossary.

It can be opened from disk, printed, and read without a script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.compiler import CodeGenerator
from jinja2.runtime import Macro
from markupsafe import Markup, escape

from qaml.outcome.outcome import Outcome, Outcomes
from qaml.report.figures import sampling
from qaml.report.figures.accents import Accent, accents
from qaml.report.figures.courses import Earlier, earlier
from qaml.report.pages import overview
from qaml.report.pages.claim import StripView, claim_contents, claim_view
from qaml.report.pages.glossary import anchors, glossary
from qaml.report.pages.shares import ALL, Helper, Share, unpacked
from qaml.report.pages.subject import subject_contents, subject_view
from qaml.report.pages.subjects import Known, Links, Subject, subjects
from qaml.report.text import numbers, sentences
from qaml.report.text.chance import ABOUT, chance_sentence
from qaml.report.text.gate import gate_view
from qaml.report.text.headlines import headlines, verdict_counts
from qaml.report.text.marks import MARKS, SEVERITIES, words
from qaml.text import clean

_HERE = Path(__file__).parent
_SHORT = 40
"""Largest number of characters of a text whose escaped form is cached, as short texts are repeated."""


def write_report(outcomes: Outcomes, folder: Path, helpers: Sequence[Helper] = ()) -> Path:
    """Render the pages into a folder that no other process reads yet (``qaml.outcome.folder``).

    Args:
        outcomes: outcomes of all claims.
        folder: the folder.
        helpers: processes that render all shares of the pages but the first into this folder.

    Returns:
        The path of ``index.html``.

    Raises:
        OSError: the folder cannot be written.
    """
    _write(outcomes, folder, Share(0, 1 + len(helpers)))
    write_page(folder / "claims.csv", overview.claims_csv(outcomes))
    write_style(folder)
    for helper in helpers:
        if not helper.is_done():
            _write(outcomes, folder, helper.share)
    return folder / "index.html"


def write_share(content: bytes, folder: str, number: str, of: str) -> None:
    """Render a share of the pages of outcomes that another process has pickled.

    Raises:
        OSError: the folder cannot be written.
    """
    _write(unpacked(content), Path(folder), Share(int(number), int(of)))


def _write(outcomes: Outcomes, folder: Path, share: Share) -> None:
    for name, text in pages(outcomes, share):
        write_page(folder / name, text)


def write_page(path: Path, text: str) -> None:
    """Write a page; a character that UTF-8 cannot encode becomes ``?``."""
    content = text.encode("utf-8", "replace")
    try:
        path.write_bytes(content)
    except FileNotFoundError:  # the first of its folder
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_style(folder: Path) -> None:
    """Write the style sheet of all pages."""
    write_page(folder / "static" / "report.css", _static("report.css"))


def render(template: str, **view: Any) -> str:
    """Render a page that is not part of a report."""
    return _environment().get_template(template).render(**_macros(), **view)


class _Whole(NamedTuple):
    """The data that all pages of a report share."""

    outcomes: Outcomes
    known: Known
    accents: dict[str, Accent]
    past: Earlier

    def render(self, template: str, root: str, **view: Any) -> str:
        links = Links(root, self.known, anchors())
        page = _environment().get_template(template)
        return page.render(**_macros(), outcomes=self.outcomes, accents=self.accents, links=links, **view)


def pages(outcomes: Outcomes, share: Share = ALL) -> Iterator[tuple[str, str]]:
    """The pages of a share, each with its name relative to the folder and its text; ``index.html`` comes last."""
    whole = _whole(outcomes)
    suites: dict[str, _Pages] = {}
    for position, outcome in enumerate(outcomes.outcomes):
        suites.setdefault(outcome.suite, _Pages([], [])).positions.append(position)
    for subject in whole.known:
        suites[subject.suite].subjects.append(subject)
    for suite in suites.values():  # one after the other: their pages share drawings
        yield from _claim_pages(whole, share.of_items(suite.positions))
        yield from _subject_pages(whole, share.of_items(suite.subjects))
    if share.number == 0:
        yield "glossary.html", whole.render("glossary.html", "", sections=glossary())
        yield "index.html", _index(whole)


class _Pages(NamedTuple):
    """The subjects of a suite's pages: positions of claims, models and attacks."""

    positions: list[int]
    subjects: list[Subject]


def index_page(outcomes: Outcomes) -> str:
    """The text of the overview."""
    return _index(_whole(outcomes))


def _whole(outcomes: Outcomes) -> _Whole:
    return _Whole(outcomes, subjects(outcomes.outcomes), accents(outcomes), earlier(outcomes))


def _index(whole: _Whole) -> str:
    outcomes, looks = whole.outcomes, whole.accents
    choices = overview.filters(outcomes)
    script = _static("report.js")
    return whole.render(
        "index.html",
        "",
        seeds=_seeds(outcomes),
        is_brief=overview.is_brief(outcomes),
        counts=verdict_counts(outcomes.outcomes),
        headlines=headlines(outcomes),
        chance=chance_sentence(outcomes.outcomes),
        about_intervals=ABOUT,
        gate=gate_view(outcomes.regression),
        suites=overview.suites(outcomes, choices, looks),
        filters=choices,
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _subject_pages(whole: _Whole, subjects: Iterable[Subject]) -> Iterator[tuple[str, str]]:
    for subject in subjects:
        view = subject_view(subject, whole.known, whole.accents, whole.past)
        yield subject.page, whole.render("subject.html", "../../", view=view, contents=subject_contents(view))


def _claim_pages(whole: _Whole, positions: Iterable[int]) -> Iterator[tuple[str, str]]:
    titles = {info.name: info for info in whole.outcomes.suites}
    claims = whole.outcomes.outcomes
    for i in positions:
        outcome = claims[i]
        view = claim_view(outcome, whole.accents, whole.past)
        yield (
            overview.page_of(outcome),
            whole.render(
                "claim.html",
                "../../",
                view=view,
                contents=claim_contents(view),
                suite=titles.get(outcome.suite),
                previous=_link(claims[i - 1]) if i else "",
                following=_link(claims[i + 1]) if i + 1 < len(claims) else "",
            ),
        )


def _link(outcome: Outcome) -> str:
    return "../../" + overview.page_of(outcome)


def _seeds(outcomes: Outcomes) -> str:
    used = {m.estimate.n_seeds for o in outcomes.outcomes for m in o.measured}
    if not used:
        return ""
    return numbers.count(max(used), "seed") if len(used) == 1 else f"{min(used)} to {max(used)} seeds"


@cache
def _static(name: str) -> str:
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def _shown(value: Any) -> Markup:
    """The text that Jinja prints for a value, escaped, so that it is not escaped again."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return _repeated(value) if len(value) < _SHORT else escape(clean(value))
    return escape(value)


@lru_cache(maxsize=4096)
def _repeated(text: str) -> Markup:
    """A text, escaped, with a cache, since names, numbers and words are repeated."""
    return escape(clean(text))


class _Compiler(CodeGenerator):
    """Leaves escaping to ``_shown``, since two more calls for each value take a tenth of a page's time."""

    def _output_child_pre(self, *_: object) -> None:
        self.write("environment.finalize(")

    def _output_child_post(self, *_: object) -> None:
        self.write(")")


@cache
def _macros() -> dict[str, Macro]:
    """The macros by name, which pages use without an import, as that takes time on each page."""
    modules = (_environment().get_template(name).module for name in ("macros.html", "sections.html"))
    return {name: macro for module in modules for name, macro in vars(module).items() if isinstance(macro, Macro)}


@lru_cache(maxsize=4096)
def _drawn_strip(view: StripView) -> Markup:
    """A strip of images as on every page that shows it; cached, since claims of a suite share strips."""
    return Markup(_macros()["strip"](view))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("qaml.report.pages"),
        auto_reload=False,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.code_generator_class = _Compiler
    environment.filters |= {
        "words": words,
        "date": numbers.format_date,
        "duration": numbers.format_duration,
        "page": overview.page_of,
    }
    environment.globals |= {
        "marks": MARKS,
        "severities": SEVERITIES,
        "sampler_columns": sampling.COLUMNS,
        "listing": sentences.listing,
        "count": numbers.count,
        "drawn_strip": _drawn_strip,
    }
    return environment
