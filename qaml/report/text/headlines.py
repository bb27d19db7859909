"""Headlines of a report: errors, unexpected verdicts, undecided claims, and findings that weaken the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from qaml.outcome.history import are_apart, cell_name, interval_of
from qaml.outcome.outcome import Finding, Outcome, Outcomes
from qaml.report.text.marks import words
from qaml.report.text.numbers import count, format_date
from qaml.vocab import VERDICTS, Verdict


class Group(NamedTuple):
    """Claims that share a cause: ``transfer beats white-box (3)``."""

    label: str
    outcomes: tuple[Outcome, ...]


class Headline(NamedTuple):
    """One line at the top of a report.

    Attributes:
        text: the sentence, without the groups.
        groups: its causes, the most frequent first.
        is_alarm: whether it limits the trust in verdicts (shown with ``!``).
    """

    text: str
    groups: tuple[Group, ...]
    is_alarm: bool


def headlines(outcomes: Outcomes) -> list[Headline]:
    """The headlines of a report, the most severe first; empty for a run without problems."""
    claims = outcomes.outcomes
    lines: list[Headline] = []
    if n := sum(failure.is_reached for failure in outcomes.failures):
        lines.append(
            Headline(f"{count(n, 'claim')} ended in an error and {'has' if n == 1 else 'have'} no verdict", (), True)
        )
    if n := sum(not failure.is_reached for failure in outcomes.failures):
        lines.append(
            Headline(f"{count(n, 'claim')} {'was' if n == 1 else 'were'} not reached before the run ended", (), True)
        )
    invalid = [o for o in claims if o.verdict == "invalid"]
    if invalid:
        lines.append(Headline(f"{count(len(invalid), 'claim')} cannot be decided", _by_finding(invalid), True))
    surprises = [o for o in claims if not o.is_as_expected]
    if surprises:
        groups = _grouped(surprises, lambda o: [f"{o.verdict}, expected {o.expected}"])
        verb = "is" if len(surprises) == 1 else "are"
        lines.append(Headline(f"{count(len(surprises), 'claim')} {verb} not as expected", groups, True))
    weakened = [o for o in claims if o.verdict != "invalid" and any(weakens(f) for f in o.findings)]
    if weakened:
        verb = "stands" if len(weakened) == 1 else "stand"
        text = f"{count(len(weakened), 'verdict')} {verb} although a check was raised"
        lines.append(Headline(text, _by_finding(weakened), False))
    lines += _versions(claims)
    lines += _against_baseline(outcomes)
    since = changed(outcomes)
    return [*lines, *([since] if since else [])]


def _versions(claims: Sequence[Outcome]) -> list[Headline]:
    """A headline if the claims of a merged report were judged by different versions of the code."""
    commits = {o.provenance.commit for o in claims}
    if len(commits) < 2:
        return []
    groups = _grouped(claims, lambda o: [f"commit {o.provenance.commit}" if o.provenance.commit else "unknown commit"])
    return [Headline(f"The claims were answered by {len(commits)} versions of qaml", groups, False)]


def _against_baseline(outcomes: Outcomes) -> list[Headline]:
    regression = outcomes.regression
    if regression is None:
        return []
    worse = sum(change.status == "worse" for change in regression.changes)
    if regression.failure:
        return [Headline("The gate could not judge the run", (), True)]
    accepted = f"the baseline of {format_date(regression.created)}"
    if worse:
        verb = "is" if worse == 1 else "are"
        return [Headline(f"{count(worse, 'cell')} {verb} worse than in {accepted}", (), True)]
    if not any(change.drop for change in regression.changes):
        return [Headline(f"No cell could be held against {accepted}", (), True)]
    return [Headline(f"No cell is worse than in {accepted}", (), False)]


def changed(outcomes: Outcomes) -> Headline | None:
    """Differences from the earlier runs: verdicts, cells outside their intervals, new claims.

    Each claim and cell is compared with the last run that has it, since a run may have only some of them.
    """
    if not outcomes.earlier:
        return None
    verdicts = {node: verdict for past in outcomes.earlier for node, verdict in past.verdicts.items()}
    cells = {name: numbers for past in outcomes.earlier for name, numbers in past.cells.items()}

    def has_moved(outcome: Outcome) -> bool:
        known = ((c.estimate, cells.get(cell_name(outcome.suite, c), ())) for c in outcome.cells)
        return any(are_apart(estimate, interval_of(numbers)) for estimate, numbers in known if numbers)

    claims = outcomes.outcomes
    new = [o for o in claims if o.node not in verdicts]
    turned = [o for o in claims if verdicts.get(o.node, o.verdict) != o.verdict]
    moved = [o for o in claims if o not in turned and has_moved(o)]
    groups = _grouped(turned, lambda o: [f"{verdicts[o.node]} → {o.verdict}"])
    groups += tuple(
        Group(label, tuple(found))
        for label, found in (("cells outside their earlier intervals", moved), ("new", new))
        if found
    )
    last = outcomes.earlier[-1]
    commit = f", commit {last.commit}" if last.commit else ""
    since = f"since the run of {format_date(last.created)}{commit}"
    what = count(len(turned), "verdict") + " changed" if turned else "no verdict changed"
    return Headline(f"{what[0].upper()}{what[1:]} {since}", groups, False)


def weakens(finding: Finding) -> bool:
    """Whether a finding was raised and is more than a note."""
    return finding.assessed and finding.severity != "note"


def _by_finding(outcomes: Iterable[Outcome]) -> tuple[Group, ...]:
    def causes(outcome: Outcome) -> Sequence[str]:
        raised = [words(f.name) for f in outcome.findings if weakens(f)]
        return raised or ["the measurement itself"]

    return _grouped(outcomes, causes)


def _grouped(outcomes: Iterable[Outcome], causes: Callable[[Outcome], Sequence[str]]) -> tuple[Group, ...]:
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for cause in dict.fromkeys(causes(outcome)):
            found.setdefault(cause, []).append(outcome)
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    return tuple(Group(label, tuple(members)) for label, members in ordered)


def verdict_counts(outcomes: Iterable[Outcome]) -> dict[Verdict, int]:
    """The number of claims with each verdict, in a fixed order, zeros included."""
    verdicts = [o.verdict for o in outcomes]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}
