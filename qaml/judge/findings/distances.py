"""Findings from exact distances: an attack that is below them is a bug, one that is far above them is weak."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfAttack, Raised
from qaml.judge.findings.subject import Subject
from qaml.metrics.contributions import align
from qaml.metrics.distance import is_below
from qaml.metrics.evidence import Distances
from qaml.types import DoubleArray

ENOUGH_IMAGES = 10
MEDIAN_RATIO, FAILURES = 1.2, 0.10


def _below(subject: Subject) -> Iterator[Raised]:
    """Raised for adversarials below exact distances: the battery's, and the attack's within and without bounds."""
    if subject.diagnosis is not None and subject.diagnosis.below_exact:
        message = f"{subject.diagnosis.below_exact} adversarials of the diagnostics are nearer than the exact distance"
        yield Raised(message)
    if subject.distances is None:
        return
    _, found, exact, lengths = subject.distances
    below = {
        "without bounds": int(is_below(found, exact, lengths).sum()),
        "within the bounds": _below_within_bounds(subject, subject.distances),
    }
    if any(below.values()):
        listed = " and ".join(f"{count} {where}" for where, count in below.items() if count)
        yield Raised(f"the attack's adversarials are nearer than the exact distance: {listed}")


def _below_within_bounds(subject: Subject, distances: Distances) -> int:
    """Number of the claim's own adversarials below the exact distances, which bounds can only make larger."""
    attacked = subject.attacked
    if attacked.norms is None or not len(np.intersect1d(attacked.indices, distances.indices)):
        return 0
    known = [(values, distances.indices) for values in (distances.exact, distances.lengths)]
    (found, exact, lengths), _ = align([(attacked.norms[0], attacked.indices), *known])
    return int(is_below(found, exact, lengths).sum())


def _beyond(subject: Subject) -> Iterator[Raised]:
    distances = subject.distances
    assert distances is not None
    exists = (distances.exact > 0) & np.isfinite(distances.exact)
    found, exact = distances.found[exists], distances.exact[exists]
    if len(exact) < ENOUGH_IMAGES:
        message = f"not assessed: {len(exact)} images have an exact distance, {ENOUGH_IMAGES} are needed"
        yield Raised(message, "note", f"attack images of which at least {ENOUGH_IMAGES} are classified correctly")
        return
    succeeds = np.isfinite(found)
    ratio = float(np.median(found[succeeds] / exact[succeeds])) if succeeds.any() else float("nan")
    failures = 1 - float(succeeds.mean())
    if ratio > MEDIAN_RATIO or failures > FAILURES:
        yield Raised(_numbers(found, ratio, failures))


def _numbers(found: DoubleArray, ratio: float, failures: float) -> str:
    reached = f"its median distance is {ratio:.3g} times the exact one (1.2 may be)" if ratio == ratio else ""
    missed = f"it finds nothing for {100 * failures:.1f} % (10 % may be)" if failures > 0 else ""
    return f"without bounds, on {len(found)} images: " + " and ".join(text for text in (reached, missed) if text)


def _could_be_below(subject: Subject) -> bool:
    """Whether adversarials were compared with exact distances, which diagnostics record only if any are below."""
    return subject.distances is not None or (subject.diagnosis is not None and subject.diagnosis.below_exact > 0)


CHECKS = (
    OfAttack("below_exact_distance", _could_be_below, _below),
    OfAttack("beyond_exact_distance", lambda one: one.distances is not None, _beyond),
)
