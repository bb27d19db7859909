"""Metrics of a training run as a whole: one number a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def training_loss(history: Sequence[Mapping[str, Sequence[float]]]) -> tuple[float, ...]:
    """The last training loss of each seed.

    Raises:
        ValueError: a training run kept no loss.
    """
    if any(not curves.get("loss") for curves in history):
        raise ValueError("the training kept no curve called 'loss'")
    return tuple(float(curves["loss"][-1]) for curves in history)
