"""What a reader must know first: errors, surprises, claims that cannot be decided, and what weakens the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from qaml.judge.outcome import Finding, Outcome, Outcomes
from qaml.report.marks import words
from qaml.report.numbers import count
from qaml.vocab import VERDICTS, Verdict


class Group(NamedTuple):
    """Claims that share a cause: ``transfer beats white-box (3)``."""

    label: str
    outcomes: tuple[Outcome, ...]


class Headline(NamedTuple):
    """One line above everything else.

    Attributes:
        text: the sentence, without the groups.
        groups: its causes, the most frequent first.
        is_alarm: it changes what the verdicts are worth (shown with ``!``).
    """

    text: str
    groups: tuple[Group, ...]
    is_alarm: bool


def headlines(outcomes: Outcomes) -> list[Headline]:
    """The lines that come first, the gravest on top; a clean run has none."""
    claims = outcomes.outcomes
    lines: list[Headline] = []
    if outcomes.failures:
        n = len(outcomes.failures)
        lines.append(
            Headline(f"{count(n, 'claim')} ended in an error and {'has' if n == 1 else 'have'} no verdict", (), True)
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
    return lines


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
    """How many claims have each verdict, in the fixed order, zeros included."""
    verdicts = [o.verdict for o in outcomes]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}
