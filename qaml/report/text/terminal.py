"""The verdicts in a terminal: one table for a run, and the text of a failing claim."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from tabulate import tabulate

from qaml.outcome.outcome import Finding, Outcome, Outcomes
from qaml.report.text.chance import ABOUT, chance_sentence
from qaml.report.text.headlines import headlines, verdict_counts
from qaml.report.text.marks import MARKS, SEVERITIES
from qaml.report.text.numbers import format_scale, show, style_of
from qaml.report.text.sentences import with_interval, with_unit
from qaml.report.text.width import indent, shorten
from qaml.text import clean, one_line

_NARROWEST_CLAIM = 16
_HEADER_PADDING = 2  # set by tabulate


def table(outcomes: Outcomes, width: int | None = None) -> str:
    """A table with a line for each claim: claim, paper's value, ours with its interval, verdict, and expected verdict.

    Args:
        outcomes: outcomes of a run.
        width: width of the table in characters; default: that of the terminal.
    """
    columns = width or shutil.get_terminal_size((100, 24)).columns
    cells = [_cells(outcome) for outcome in outcomes.outcomes]
    if not cells:
        return "no claim was judged"
    headers = ["claim", "paper", "here", "verdict", "expected"]
    taken = sum(
        max(len(header) + _HEADER_PADDING, *(len(row[i + 1]) for row in cells)) for i, header in enumerate(headers[1:])
    )
    room = max(columns - taken - 2 * len(headers[1:]), _NARROWEST_CLAIM)
    rows = [[shorten(claim, room), *rest] for claim, *rest in cells]
    return tabulate(
        rows,
        headers=headers,
        tablefmt="simple",
        colalign=("left", "right", "right", "left", "left"),
        disable_numparse=True,
    )


def _cells(outcome: Outcome) -> list[str]:
    expected = "as found" if outcome.is_as_expected else outcome.expected
    verdict = f"{MARKS[outcome.verdict].symbol} {outcome.verdict}"
    if not outcome.measured:
        return [outcome.node, "", "not measured", verdict, expected]
    shown = show(outcome.measured[0], style_of(outcome))
    here = f"{with_unit(shown.value, '%' if shown.unit == '%' else '')} {shown.interval}".rstrip()
    return [outcome.node, shown.paper, here, verdict, expected]


def closing(outcomes: Outcomes) -> str:
    """The counts and the headlines, for the end of a run."""
    counts = verdict_counts(outcomes.outcomes)
    lines = [" · ".join(f"{MARKS[v].symbol} {n} {v}" for v, n in counts.items())]
    for line in headlines(outcomes):
        causes = ", ".join(f"{group.label} ({len(group.outcomes)})" for group in line.groups)
        lines.append(f"{'!' if line.is_alarm else '·'} {line.text}{': ' + causes if causes else ''}")
    if chance := chance_sentence(outcomes.outcomes):
        lines += [f"· {chance}", f"· {ABOUT}"]
    return clean("\n".join(lines))


def failure(outcome: Outcome) -> str:
    """The text of a failing claim: verdict, measured and expected values, findings, its YAML lines; no traceback."""
    return "\n".join(_failure_lines(outcome))


def _failure_lines(outcome: Outcome) -> Iterator[str]:
    yield f"{MARKS[outcome.verdict].symbol} {outcome.verdict}, expected {outcome.expected}: {one_line(outcome.node)}"
    yield f"  {one_line(outcome.statement)}"
    yield ""
    if outcome.because:
        yield f"  because   {one_line(outcome.because)}"
    if outcome.missing_findings:
        yield f"  missing   expected findings that were not raised: {one_line(', '.join(outcome.missing_findings))}"
    yield from _measured_lines(outcome)
    if outcome.reason:
        yield f"  reason    {one_line(outcome.reason)}"
    if outcome.findings:
        yield "  findings"
        for finding in outcome.findings:
            yield from _finding_lines(finding)
    yield f"  {one_line(outcome.spec_file)}:{outcome.spec_line}"
    for number, line in enumerate(clean(outcome.spec_yaml).splitlines(), outcome.spec_line):
        yield f"  {number:5d} | {line}"
    if outcome.replay:
        yield f"  replay    {one_line(outcome.replay)}"


def _measured_lines(outcome: Outcome) -> Iterator[str]:
    if not outcome.measured:
        yield "  measured  nothing"
    style = style_of(outcome)
    for i, measurement in enumerate(outcome.measured):
        shown = show(measurement, style)
        parts = [with_interval(shown)]
        parts += [f"needed {shown.needed}"] if shown.needed else []
        parts += [f"paper {shown.paper}"] if shown.paper else []
        parts.append(format_scale(measurement.estimate))
        head = "measured" if i == 0 else ""
        yield f"  {head:<9} {one_line(measurement.label)}: {', '.join(parts)}"


def _finding_lines(finding: Finding) -> Iterator[str]:
    where = finding.model + (f" under {finding.attack}" if finding.attack else "")
    weight = SEVERITIES[finding.severity] if finding.assessed else "not assessed"
    yield f"    {one_line(finding.name)} ({weight}), {one_line(where)}: {one_line(finding.message)}"
    if finding.assessed:
        yield indent(f"means: {one_line(finding.means)}", "      ")
        yield indent(f"remedy: {one_line(finding.remedy)}", "      ")
