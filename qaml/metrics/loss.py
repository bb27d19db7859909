"""Metrics of a training run as a whole: the last point of a curve, one number a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def training_loss(history: Sequence[Mapping[str, Sequence[float]]]) -> tuple[float, ...]:
    """The last training loss of each seed.

    Raises:
        ValueError: a training run kept no loss.
    """
    return _last(history, "loss")


def flip_probability(history: Sequence[Mapping[str, Sequence[float]]]) -> tuple[float, ...]:
    """Σp of each seed: the Y flips that trained noise layers average to, summed over layers and wires.

    Raises:
        ValueError: a model has no noise layers.
    """
    return _last(history, "flips")


def _last(history: Sequence[Mapping[str, Sequence[float]]], name: str) -> tuple[float, ...]:
    if any(not curves.get(name) for curves in history):
        raise ValueError(f"the training kept no curve called {name!r}")
    return tuple(float(curves[name][-1]) for curves in history)
