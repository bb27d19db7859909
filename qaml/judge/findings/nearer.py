"""A finding about norms: another attack finds nearer adversarials."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfAttack, Raised
from qaml.judge.findings.cures import AS_NEAR
from qaml.judge.findings.norms import NEARER, TOLERATED, norms_of
from qaml.judge.findings.subject import Subject

IMAGES = 5


def _nearer(subject: Subject) -> Iterator[Raised]:
    """Raised if other attacks are nearer: weak if they are on more than a tenth of the images, else a note."""
    norms = norms_of([subject])
    if norms is None:
        return
    nearer = norms.own > NEARER * norms.known
    if nearer.sum() < IMAGES:
        return
    ratio = float(np.median(norms.own[nearer] / norms.known[nearer]))
    by = "without an adversarial of its own" if np.isinf(ratio) else f"{ratio:.3g} times as far in the median"
    message = (
        f"on {100 * norms.nearer_share:.1f} % of {len(nearer)} images another attack, or the exact distance within "
        f"the bounds, is more than 5 % nearer; there this one is {by}"
    )
    yield Raised(message, None if norms.nearer_share > TOLERATED else "note")


def _was_tried(subject: Subject) -> bool:
    is_known = subject.nearer is not None and subject.attacked.norms is not None
    return is_known and subject.traits.is_on_model


CHECKS = (OfAttack("another_attack_is_nearer", _was_tried, _nearer, (AS_NEAR,)),)
