"""Findings about answers that a model does not give, as NaN is no class, or that differ when inputs come again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from qaml.judge.findings.check import OfAdversarials, OfModel, Raised
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.findings.subject import Subject
from qaml.types import BoolArray, IntArray

CLASSES, LOGITS = 0.01, 0.05
"""Shares of images above which evidence is void."""


def _on_clean(evidence: ModelEvidence) -> Iterator[Raised]:
    """Raised for clean images to which a training run gives no answer."""
    unanswered = np.asarray(evidence.clean.unanswered)[:, None]
    yield from _silent(evidence.model, unanswered, evidence.clean.indices, ("clean images",))


def _on_adversarials(subject: Subject) -> Iterator[Raised]:
    """Raised for adversarials to which the model, or a model that they were made on, gives no answer."""
    traits, attacked = subject.traits, subject.attacked
    if attacked.unanswered is not None:
        places = tuple(f"images under {traits.name}{_budget(epsilon)}" for epsilon in attacked.epsilons)
        yield from _silent(subject.model, attacked.unanswered, attacked.indices, places)
    if attacked.maker_unanswered is not None and traits.surrogate is not None:
        places = (
            f"images that {traits.name} starts from",
            f"images under {traits.name}{_budget(attacked.epsilons[-1])}",
        )
        maker = f"{traits.surrogate}, on which {traits.name} is made,"
        yield from _silent(maker, attacked.maker_unanswered, attacked.indices, places)


def _budget(epsilon: float) -> str:
    return f" at ε = {epsilon:g}" if math.isfinite(epsilon) else ""


def _silent(who: str, unanswered: BoolArray, indices: IntArray, places: Sequence[str]) -> Iterator[Raised]:
    """One finding for (seeds, places, n) flags, which names the first flagged image."""
    if not unanswered.any():
        return
    seed, place, image = (int(axis[0]) for axis in np.nonzero(unanswered))
    count, runs = int(unanswered[seed, place].sum()), int(unanswered.any((1, 2)).sum())
    message = (
        f"{who} gives no answer (NaN) to {count} of {len(indices)} {places[place]} in training run {seed}, "
        f"the first is image {int(indices[image])} of its split"
    )
    if runs > 1:
        message += f"; so do {runs} of {len(unanswered)} training runs"
    yield Raised(message)


def _was_asked(subject: Subject) -> bool:
    is_maker_known = subject.traits.surrogate is not None and subject.attacked.maker_unanswered is not None
    return is_maker_known or subject.attacked.unanswered is not None


def _asked(evidence: Subject | ModelEvidence) -> IntArray | None:
    """The ``Repetition`` of each seed, (seeds, 5): n, classes and logits that differ in the same and other batches."""
    return evidence.attacked.asked if isinstance(evidence, Subject) else evidence.clean.asked


def _was_asked_again(evidence: Subject | ModelEvidence) -> bool:
    return _asked(evidence) is not None


def _answers_differ(evidence: Subject | ModelEvidence) -> Iterator[Raised]:
    """Raised for images that were answered differently when they were classified again."""
    asked = np.asarray(_asked(evidence))
    if not asked[:, 1:].any():
        return
    seed = int(max(range(len(asked)), key=lambda run: tuple(asked[run, [3, 1, 4, 2]])))
    n, classes_again, logits_again, classes_apart, logits_apart = (int(count) for count in asked[seed])
    is_void = max(classes_again, classes_apart) > CLASSES * n or max(logits_again, logits_apart) > LOGITS * n
    of = f"{n} {'images' if evidence.attack is None else f'adversarials of {evidence.attack}'}"
    if logits_again:
        how, logits, classes = "again in the same batch", logits_again, classes_again
        means = "the model is random, keeps a state or depends on the number of threads"
    else:
        how, logits, classes = "in other batches", logits_apart, classes_apart
        means = "the answer to an image depends on the images beside it"
    message = (
        f"asked {how}, {logits} of {of} have other logits and {classes} another class (training run {seed}): {means}"
    )
    yield Raised(message, None if is_void else "note")


CHECKS = (
    OfModel("no_answer", lambda one: one.clean.unanswered is not None, _on_clean),
    OfAdversarials("no_answer", _was_asked, _on_adversarials),
    OfModel("answers_differ", _was_asked_again, _answers_differ),
    OfAdversarials("answers_differ", _was_asked_again, _answers_differ),
)
