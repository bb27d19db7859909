"""Findings of arithmetic: budgets out of reach, counts that disagree, logits of another scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.budgets import is_under
from qaml.judge.findings.check import OfAttack, Raised
from qaml.judge.findings.subject import Subject

COUNT_SHARE, COUNT_IMAGES = 0.001, 2


def _reach(subject: Subject) -> Iterator[Raised]:
    traits = subject.traits
    short = [(e, reach) for e, reach in sorted(traits.reach.items()) if is_under(reach, e)]
    if short and not traits.minimises:
        epsilon, reach = short[-1]
        message = f"steps × step size is {reach:g}, the budget ε = {epsilon:g}"
        yield Raised(message, "note" if subject.is_published else None)


def _count(subject: Subject) -> Iterator[Raised]:
    claimed, correct = np.asarray(subject.attacked.claimed), subject.attacked.correct
    differ = int((claimed != (correct < 0.5)).sum())
    if differ >= COUNT_IMAGES and differ > COUNT_SHARE * correct.size:
        yield Raised(f"the library's success differs from ours for {differ} of {correct.size:,} adversarials")


def _rescaled(subject: Subject) -> Iterator[Raised]:
    """Raised for logits whose scale leaves cross-entropy without useful gradients, so that the attack rescaled them."""
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


CHECKS = (
    # a minimising attack has no budget that it could fall short of
    OfAttack("cannot_reach_epsilon", lambda one: one.traits.minimises or bool(one.traits.reach), _reach),
    OfAttack("library_count_differs", lambda one: one.attacked.claimed is not None and one.attacked.draws == 1, _count),
    OfAttack("logits_rescaled", _climbs_cross_entropy, _rescaled),
)
