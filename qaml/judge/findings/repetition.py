"""Findings about answers that change although nothing was changed: hidden randomness, batches, state."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qaml.judge.findings.check import OfAdversarials, OfModel, Raised
from qaml.types import IntArray

CLASSES, LOGITS = 0.01, 0.05
"""Shares of images above which evidence is void."""


def _answers_differ(attack: str | None, asked: IntArray) -> Iterator[Raised]:
    """Images that were answered differently when they were asked again.

    Args:
        model: that was asked.
        attack: whose adversarials were; None for clean images.
        asked: (seeds, 5): n, classes and logits that differ in the same batch, and in other batches.
    """
    if not asked[:, 1:].any():
        return
    seed = int(max(range(len(asked)), key=lambda run: tuple(asked[run, [3, 1, 4, 2]])))
    n, classes_again, logits_again, classes_apart, logits_apart = (int(count) for count in asked[seed])
    is_void = max(classes_again, classes_apart) > CLASSES * n or max(logits_again, logits_apart) > LOGITS * n
    of = f"{n} {'images' if attack is None else f'adversarials of {attack}'}"
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
    OfModel(
        "answers_differ",
        lambda one: one.clean.asked is not None,
        lambda one: _answers_differ(None, np.asarray(one.clean.asked)),
    ),
    OfAdversarials(
        "answers_differ",
        lambda one: one.attacked.asked is not None,
        lambda one: _answers_differ(one.attack, np.asarray(one.attacked.asked)),
    ),
)
