"""The number of verdicts that may be wrong by chance, and what the intervals of the verdicts are about."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from qaml.outcome.outcome import Outcome
from qaml.report.text.numbers import count

ABOUT = "Intervals are about training runs and test images, given the one fixed training set of each dataset."


class Chance(NamedTuple):
    """The errors that are expected in a family of tests.

    Attributes:
        n_tested: number of verdicts, supported or refuted, that depend on a p-value.
        expected: largest number of them that are expected to be wrong.
    """

    n_tested: int
    expected: float


def by_chance(outcomes: Iterable[Outcome]) -> Chance:
    """The sum, over the decided claims, of the largest probability of the verdict if its opposite is true."""
    risks = [risk for outcome in outcomes if (risk := risk_of(outcome)) is not None]
    return Chance(len(risks), math.fsum(risks))


def risk_of(outcome: Outcome) -> float | None:
    """The one-sided p-value of a decided claim: the probability of the verdict if the true value is the threshold.

    If several numbers must all pass their thresholds it is the largest one (intersection–union). If one of k is enough
    it is k times that of the number that decided (Bonferroni), which comes first. It is ``None`` for claims that are
    not decided, and for those without a test: a paper's value inside its prediction interval, identity on every image.
    """
    if outcome.verdict not in ("supported", "refuted"):
        return None
    p_values = [m.p_value / 2 for m in outcome.measured if m.p_value is not None and not math.isnan(m.p_value)]
    first = outcome.measured[0].p_value if outcome.measured else None
    if not p_values or first is None or math.isnan(first):
        return None
    is_one_enough = (outcome.verdict == "refuted") != (outcome.kind == "any_of")
    return min(len(p_values) * first / 2, 1.0) if is_one_enough else max(p_values)


def chance_sentence(outcomes: Iterable[Outcome]) -> str:
    """One sentence for a summary; empty if no verdict depends on a p-value."""
    found = by_chance(outcomes)
    if not found.n_tested:
        return ""
    number = "fewer than 0.1" if found.expected < 0.1 else f"at most {found.expected:.1f}"
    verdicts = "that rests on a test" if found.n_tested == 1 else "that rest on tests"
    return (
        f"By chance alone {number} of {count(found.n_tested, 'verdict')} {verdicts} "
        f"{'is' if found.n_tested == 1 else 'are'} expected to be wrong (the sum of one-sided p-values)."
    )
