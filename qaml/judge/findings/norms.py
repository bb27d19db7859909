"""The norms that attacks found and the smallest known norms of the same images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.judge.findings.subject import Subject, located
from qaml.types import DoubleArray, IntArray

NEARER = 1.05
"""Smallest factor between the attack's own norm and another's at which the other adversarial counts as nearer."""
TOLERATED = 0.10
"""Largest share of images on which another attack may be nearer."""


class Norms(NamedTuple):
    """Norms of n pairs of a training run and an image that is right without perturbation.

    Attributes:
        own: (n,), the smallest norm that the attacks found.
        known: (n,), the smallest known norm, which is at most ``own``.
    """

    own: DoubleArray
    known: DoubleArray

    @property
    def nearer_share(self) -> float:
        """The share of images on which another attack is more than 5 % nearer."""
        return float((self.own > NEARER * self.known).mean()) if len(self.own) else 0.0


def nearer_share(subject: Subject) -> tuple[float, int]:
    """The share of images on which another attack is more than 5 % nearer, and the number of all images."""
    norms = norms_of([subject])
    return (0.0, 0) if norms is None else (norms.nearer_share, len(norms.own))


def norms_of(subjects: Sequence[Subject]) -> Norms | None:
    """The norms of a model's attacks together and the smallest known ones; ``None`` if none were searched."""
    lead = subjects[0]
    looked = next((one.nearer for one in subjects if one.nearer is not None), None)
    if looked is None or any(one.attacked.norms is None for one in subjects):
        return None
    clean = _at(lead.clean.correct, lead.clean.indices, looked.runs, looked.indices)
    own = np.min([_found(one, looked.runs, looked.indices) for one in subjects], axis=0)
    others = [looked.norms]
    for traits, attacked in (rival for one in subjects for rival in one.rivals):
        has_access = traits.is_white_box if lead.traits.is_white_box else traits.asks is not None
        is_alike = traits.threat == lead.traits.threat and traits.minimises and has_access and not traits.is_exact
        if is_alike and attacked.norms is not None:
            others.append(np.nan_to_num(_at(attacked.norms, attacked.indices, looked.runs, looked.indices), nan=np.inf))
    counts = np.isfinite(clean) & (clean > 0.5) & ~np.isnan(own)
    return Norms(own[counts], np.minimum(own, np.min(others, axis=0))[counts])


def _found(subject: Subject, runs: IntArray, images: IntArray) -> DoubleArray:
    assert subject.attacked.norms is not None
    return _at(subject.attacked.norms, subject.attacked.indices, runs, images)


def _at(values: NDArray[np.floating], indices: IntArray, runs: IntArray, images: IntArray) -> DoubleArray:
    """The values of these runs and images, (n,), from (seeds, images); NaN where they were not measured."""
    places, is_known = located(indices, images)
    return np.where(
        is_known & (runs < len(values)), values[np.minimum(runs, len(values) - 1), places].astype(np.float64), np.nan
    )
