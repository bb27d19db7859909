"""The verdicts as GitHub Markdown: for the step summary of a CI run and for README's table."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from qaml.errors import StoreError
from qaml.files.regular import read_regular
from qaml.files.write import store_errors, write
from qaml.outcome.outcome import Outcome, Outcomes
from qaml.report.text.chance import ABOUT, chance_sentence
from qaml.report.text.headlines import headlines, verdict_counts
from qaml.report.text.marks import MARKS
from qaml.report.text.numbers import format_date, format_duration, show, style_of
from qaml.report.text.sentences import with_unit
from qaml.text import one_line

_SPECIAL = re.compile(r"([\\`*_\[\]|~#$!@])")
BEGIN, END = "<!-- verdicts -->", "<!-- /verdicts -->"
_MOST_PAGE = 16 << 20
_MOST_BYTES = 1_000_000
"""Largest step summary that is written, in bytes; GitHub refuses more than 1 MiB."""


def escape(text: str) -> str:
    """One line of text that Markdown shows unchanged: no markup, no HTML, no cell borders, no mentions."""
    plain = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", plain)


def suite_table(outcomes: Outcomes) -> str:
    """A table with a row for each suite: the numbers of its claims with each verdict."""
    known = {info.name: info for info in outcomes.suites}
    head = [
        "suite",
        "profile",
        "claims",
        *(f"{mark.symbol} {verdict}" for verdict, mark in MARKS.items()),
        "as expected",
    ]
    lines = [_line(head), "|---|---|" + "--:|" * (len(head) - 2)]
    for name in dict.fromkeys(o.suite for o in outcomes.outcomes):
        own = [o for o in outcomes.outcomes if o.suite == name]
        info = known.get(name)
        title = info.citation if info and info.citation else name
        counts = (str(count) for count in verdict_counts(own).values())
        expected = str(sum(o.is_as_expected for o in own))
        lines.append(_line([escape(title), escape(own[0].profile), str(len(own)), *counts, expected]))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def insert_table(outcomes: Outcomes, page: Path) -> None:
    """Replace the text between the marks ``<!-- verdicts -->`` and ``<!-- /verdicts -->`` by the table of suites.

    Raises:
        StoreError: the page cannot be read or written, or has no marks.
    """
    with store_errors("read", page):
        content = read_regular(page, _MOST_PAGE)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StoreError(
            f"{page} is not UTF-8: unexpected byte 0x{content[error.start]:02x}", "save it as such"
        ) from error
    before, start, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (start and end):
        hint = f"put {BEGIN} and {END} where it belongs"
        raise StoreError(f"{page} has no place for the table of verdicts", hint)
    write(page, f"{before}{start}\n\n{suite_table(outcomes)}\n\n{end}{after}")


def summary(outcomes: Outcomes) -> str:
    """The counts, the headlines, a table for each suite, and the errors."""
    return "\n\n".join((*_head(outcomes), *_suites(outcomes), *_errors(outcomes))) + "\n"


def write_step_summary(outcomes: Outcomes) -> bool:
    """Append the summary to the file named by ``$GITHUB_STEP_SUMMARY``.

    The tables are left out if they would exceed the size that GitHub accepts.

    Returns:
        Whether there was such a file to write to.

    Raises:
        StoreError: the file cannot be written.
    """
    text = summary(outcomes)
    if len(text.encode("utf-8", "replace")) > _MOST_BYTES:
        note = f"The tables of {len(outcomes.outcomes):,} claims are too long for this page; see the HTML report."
        text = "\n\n".join((*_head(outcomes), note)) + "\n"
    return append_step_summary(text)


def append_step_summary(text: str) -> bool:
    """Append Markdown to the file named by ``$GITHUB_STEP_SUMMARY``; returns whether there is one.

    Raises:
        StoreError: the file cannot be written.
    """
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if not target:
        return False
    with store_errors("write", Path(target)), Path(target).open("a", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return True


def _head(outcomes: Outcomes) -> Iterator[str]:
    counts = verdict_counts(outcomes.outcomes)
    yield "## qaml: " + " · ".join(f"{MARKS[v].symbol} {n} {v}" for v, n in counts.items())
    facts = f"profile {outcomes.profile} · {format_date(outcomes.created)} · {format_duration(outcomes.seconds)}"
    yield escape(facts)
    lines = []
    for line in headlines(outcomes):
        causes = ", ".join(f"{escape(group.label)} ({len(group.outcomes)})" for group in line.groups)
        text = f"**{escape(line.text)}**" if line.is_alarm else escape(line.text)
        lines.append(f"- {text}: {causes}" if causes else f"- {text}")
    if lines:
        yield "\n".join(lines)
    if chance := chance_sentence(outcomes.outcomes):
        yield f"{escape(chance)} {escape(ABOUT)}"


def _suites(outcomes: Outcomes) -> Iterator[str]:
    known = {info.name: info for info in outcomes.suites}
    for name in dict.fromkeys(o.suite for o in outcomes.outcomes):
        info = known.get(name)
        title = ": ".join(part for part in (info.citation, info.title) if part) if info else ""
        title = title or name
        yield f"### {escape(title)}"
        if info and info.summary:
            yield escape(info.summary)
        yield _table(o for o in outcomes.outcomes if o.suite == name)


def _errors(outcomes: Outcomes) -> Iterator[str]:
    if outcomes.failures:
        yield "### Errors"
        yield "\n".join(f"- {escape(f'{f.suite}::{f.id}')}: {escape(f.message)}" for f in outcomes.failures)


def _table(claims: Iterable[Outcome]) -> str:
    head = "| claim | paper | here | 95 % interval | verdict | expected |\n|---|--:|--:|:-:|---|---|"
    return "\n".join((head, *(_row(outcome) for outcome in claims)))


def _row(outcome: Outcome) -> str:
    paper = here = interval = ""
    if outcome.measured:
        shown = show(outcome.measured[0], style_of(outcome))
        paper, interval = (with_unit(shown.paper, shown.unit) if shown.paper else ""), shown.interval
        here = with_unit(shown.value, shown.unit)
    verdict = f"{MARKS[outcome.verdict].symbol} {outcome.verdict}"
    expected = "as expected" if outcome.is_as_expected else f"expected **{outcome.expected}**"
    return f"| {escape(outcome.statement)} | {paper} | {here} | {interval} | {verdict} | {expected} |"
