"""From intervals to verdicts: the rules that claim kinds share (``docs/judging.md``)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from qaml.claims.base import Decision, Estimate, Measured
from qaml.claims.wording import Notation, decision
from qaml.vocab import Verdict

_SEVEREST_FIRST: tuple[Verdict, ...] = ("refuted", "invalid", "inconclusive", "supported")


def known_range(estimate: Estimate) -> tuple[float, float]:
    """The interval, without an end on the side where a weak attack leaves the truth open."""
    low = -math.inf if estimate.may_be_lower else estimate.low
    high = math.inf if estimate.may_be_higher else estimate.high
    return low, high


def is_limited(estimate: Estimate) -> bool:
    """Whether a finding or a missing number limits what may be concluded."""
    return estimate.is_void or estimate.may_be_lower or estimate.may_be_higher or math.isnan(estimate.value)


def verdict_of(estimate: Estimate, at_least: float | None, at_most: float | None) -> Verdict:
    """Supported if the whole interval satisfies the expectation, refuted if none of it does.

    A finding opens the interval on one side; what can then not be decided is invalid, not inconclusive. What is
    supported must be so with the battery's adversarials counted, too (else invalid), and checked (else inconclusive);
    a refutation rests on the claim's own evidence.
    """
    if estimate.is_void or math.isnan(estimate.value):
        return "invalid"
    low, high = known_range(estimate)
    least = -math.inf if at_least is None else at_least
    most = math.inf if at_most is None else at_most
    if low >= least and high <= most:
        return survives(estimate, at_least, at_most)
    if high < least or low > most:
        return "refuted"
    return "invalid" if is_limited(estimate) else "inconclusive"


def survives(estimate: Estimate, at_least: float | None, at_most: float | None) -> Verdict:
    """The verdict where the claim's own attacks support it: it must hold with the battery's, and be checked."""
    low = estimate.worst_low if estimate.worst_low is not None else math.inf
    high = estimate.worst_high if estimate.worst_high is not None else -math.inf
    falls = at_least is not None and low < at_least
    rises = at_most is not None and high > at_most
    if (falls and not estimate.is_unchecked[0]) or (rises and not estimate.is_unchecked[1]):
        return "invalid"
    return "inconclusive" if falls or rises else "supported"


def of_all(verdicts: Iterable[Verdict]) -> Verdict:
    """Intersection–union: supported if all are, refuted if any is, else invalid if any is."""
    found = set(verdicts)
    return next(verdict for verdict in _SEVEREST_FIRST if verdict in found)


def of_any(verdicts: Iterable[Verdict]) -> Verdict:
    """Supported if any is, refuted if all are, else invalid if any is."""
    found = set(verdicts)
    order: tuple[Verdict, ...] = ("supported", "invalid", "inconclusive", "refuted")
    return next(verdict for verdict in order if verdict in found)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's (1979) adjusted p-values, in the order given; NaN stays NaN and is not counted."""
    known = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = largest
    return tuple(adjusted)


def decide_all(measured: Sequence[Measured], unit: Notation, verdicts: Sequence[Verdict] | None = None) -> Decision:
    """Every estimate must satisfy its expectation; the sentence is about the one that decides.

    Among several the deciding one is the closest to its threshold among those that share the verdict, the furthest
    beyond it if they refute. Holm's adjusted p is shown beside it; the verdict itself rests on the unadjusted
    intervals. The verdict on each may be given, where a kind has a rule of its own.
    """
    if verdicts is None:
        verdicts = [verdict_of(m.estimate, m.at_least, m.at_most) for m in measured]
    verdict = of_all(verdicts)
    alike = [i for i, v in enumerate(verdicts) if v == verdict]
    deciding = min(alike, key=lambda i: _room(measured[i], verdict))
    ordered = (measured[deciding], *measured[:deciding], *measured[deciding + 1 :])
    if len(measured) == 1:
        return decision(verdict, ordered, unit)
    adjusted = holm([m.estimate.p_value for m in measured])[deciding]
    beside = f"{_among(verdict, len(alike), len(measured))}{_beside(adjusted)}"
    return decision(verdict, ordered, unit, is_named=True, beside=beside)


def _room(measured: Measured, verdict: Verdict) -> float:
    """The distance of an estimate from its threshold: of its near end if supported, of its far end if refuted."""
    estimate = measured.estimate
    if math.isnan(estimate.value):
        return -math.inf
    low = high = estimate.value
    if verdict == "supported":
        low, high = estimate.low, estimate.high
    elif verdict == "refuted":
        low, high = estimate.high, estimate.low
    below = low - measured.at_least if measured.at_least is not None else math.inf
    above = measured.at_most - high if measured.at_most is not None else math.inf
    return min(below, above)


def _among(verdict: Verdict, n_alike: int, n: int) -> str:
    if verdict == "supported":
        return f"closest of {n}"
    which = "" if n_alike == 1 else ", this one most clearly" if verdict == "refuted" else ", this one closest"
    return f"{n_alike} of {n} {verdict}{which}"


def _beside(adjusted: float) -> str:
    if math.isnan(adjusted):
        return ""
    return ", Holm-adjusted p < 0.0001" if adjusted < 1e-4 else f", Holm-adjusted p {adjusted:.2g}"
