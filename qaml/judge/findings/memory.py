"""Test images that a model was trained on: what it remembers says nothing about what it has not seen."""

from __future__ import annotations

from collections.abc import Iterator

from qaml.judge.findings.names import raised
from qaml.judge.source import Repeats
from qaml.outcome.outcome import Finding

MOST = 0.01
"""Share of the test examples that may be among the training examples: no more than an interval hides."""


def seen_in_training(model: str, repeats: Repeats) -> Iterator[Finding]:
    """A dataset whose test split is in part its training split."""
    if repeats.n_repeated:
        count = f"{repeats.n_repeated:,} of the {repeats.n_test:,} test examples of {model}'s dataset"
        message = f"{count} ({repeats.share:.1%}) are among its training examples, every coordinate the same"
        yield raised("test_in_training", model, None, message, "void" if repeats.share > MOST else "note")
