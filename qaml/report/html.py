"""The HTML report: ``index.html`` and a page a claim, to be opened from disk, printed, and read without a script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from qaml.judge.outcome import Outcome, Outcomes
from qaml.report import numbers, overview, sampling, sentences
from qaml.report.claim_page import claim_view
from qaml.report.files import remove_stale, write
from qaml.report.headlines import headlines, verdict_counts
from qaml.report.marks import MARKS, SEVERITIES, accents, words
from qaml.report.text import clean

_HERE = Path(__file__).parent


def write_report(outcomes: Outcomes, folder: Path) -> Path:
    """Render the report into a folder that already holds the outcomes' media.

    Every file is replaced as a whole, ``index.html`` last; pages of claims that are gone are removed.

    Returns:
        The path of ``index.html``.

    Raises:
        StoreError: the folder cannot be written.
    """
    pages = {}
    for name, text in claim_pages(outcomes):
        write(folder / name, text)
        pages[folder / name] = True
    write(folder / "static" / "report.css", _static("report.css"))
    index = folder / "index.html"
    write(index, index_page(outcomes))
    remove_stale(folder / "claims", set(pages))
    return index


def index_page(outcomes: Outcomes) -> str:
    """The overview."""
    choices, looks = overview.filters(outcomes), accents(outcomes)
    script = _static("report.js")
    return (
        _environment()
        .get_template("index.html")
        .render(
            outcomes=outcomes,
            seeds=_seeds(outcomes),
            counts=verdict_counts(outcomes.outcomes),
            headlines=headlines(outcomes),
            suites=overview.suites(outcomes, choices, looks),
            filters=choices,
            accents=looks,
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def claim_pages(outcomes: Outcomes) -> Iterator[tuple[str, str]]:
    """Every claim's page: its name relative to the folder, and its text."""
    template = _environment().get_template("claim.html")
    looks = accents(outcomes)
    titles = {info.name: info for info in outcomes.suites}
    claims = outcomes.outcomes
    for i, outcome in enumerate(claims):
        text = template.render(
            outcomes=outcomes,
            view=claim_view(outcome, looks),
            suite=titles.get(outcome.suite),
            accents=looks,
            previous=_link(claims[i - 1]) if i else "",
            following=_link(claims[i + 1]) if i + 1 < len(claims) else "",
        )
        yield overview.page_of(outcome), text


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


def _shown(value: Any) -> Any:
    """What Jinja prints of a value before it escapes it."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("qaml.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
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
    }
    return environment
