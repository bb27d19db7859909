"""Test images that a model was trained on: what it remembers says nothing about what it has not seen."""

from __future__ import annotations

from collections.abc import Iterator

from qaml.judge.findings.check import OfModel, Raised
from qaml.judge.findings.model import ModelEvidence

MOST = 0.01
"""Share of the test examples that may be among the training examples: no more than an interval hides."""


def _seen_in_training(evidence: ModelEvidence) -> Iterator[Raised]:
    """A dataset whose test split is in part its training split."""
    repeats = evidence.repeats
    if repeats is not None and repeats.n_repeated:
        count = f"{repeats.n_repeated:,} of the {repeats.n_test:,} test examples of {evidence.model}'s dataset"
        message = f"{count} ({repeats.share:.1%}) are among its training examples, every coordinate the same"
        yield Raised(message, "void" if repeats.share > MOST else "note")


CHECKS = (OfModel("test_in_training", lambda one: one.repeats is not None, _seen_in_training),)
