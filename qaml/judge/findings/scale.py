"""A finding about the scale of logits: cross-entropy was climbed on a multiple of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.names import raised
from qaml.judge.findings.subject import Subject
from qaml.outcome.outcome import Finding


def of_scale(subject: Subject) -> Iterator[Finding]:
    """Logits whose scale leaves cross-entropy without a useful gradient, so that the attack used another one."""
    gaps, factors = subject.attacked.logit_gap, subject.attacked.logit_factor
    if gaps is None or factors is None or not (factors != 1).any():
        return
    worst = int(np.argmax(np.abs(np.log(factors))))
    surrogate = subject.traits.surrogate
    whose = f"the logits of {surrogate}" if surrogate is not None else "logits"
    runs = "" if len(factors) == 1 else f" (training run {worst}, {int((factors != 1).sum())} of {len(factors)} alike)"
    message = (
        f"{whose} have a median gap of {gaps[worst]:.3g}; cross-entropy was climbed on {factors[worst]:.3g} × {whose}"
    )
    yield raised("logits_rescaled", subject.model, subject.traits.name, message + runs)
