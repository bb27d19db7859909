"""A finding about the scale of logits: cross-entropy was climbed on a multiple of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfAttack, Raised
from qaml.judge.findings.subject import Subject


def _rescaled(subject: Subject) -> Iterator[Raised]:
    """Logits whose scale leaves cross-entropy without a useful gradient, so that the attack used another one."""
    gaps, factors = np.asarray(subject.attacked.logit_gap), np.asarray(subject.attacked.logit_factor)
    if not (factors != 1).any():
        return
    worst = int(np.argmax(np.abs(np.log(factors))))
    surrogate = subject.traits.surrogate
    whose = f"the logits of {surrogate}" if surrogate is not None else "logits"
    runs = "" if len(factors) == 1 else f" (training run {worst}, {int((factors != 1).sum())} of {len(factors)} alike)"
    message = (
        f"{whose} have a median gap of {gaps[worst]:.3g}; cross-entropy was climbed on {factors[worst]:.3g} × {whose}"
    )
    yield Raised(message + runs)


def _climbs_cross_entropy(subject: Subject) -> bool:
    return subject.attacked.logit_gap is not None and subject.attacked.logit_factor is not None


CHECKS = (OfAttack("logits_rescaled", _climbs_cross_entropy, _rescaled),)
