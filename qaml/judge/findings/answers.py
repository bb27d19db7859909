"""Findings about answers that a model does not give: NaN is no class, and training that ends in it says so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qaml.judge.findings.names import raised
from qaml.metrics.evidence import Attacked, AttackTraits, Clean
from qaml.outcome.outcome import Finding
from qaml.types import IntArray

NO_ANSWER = "no_answer"


def unanswered_clean(model: str, clean: Clean) -> Iterator[Finding]:
    """Clean images to which a training run gives no answer."""
    if clean.unanswered is not None:
        places = ("clean images",)
        yield from _silent(model, None, model, clean.unanswered[:, None], clean.indices, places)


def unanswered_attacked(model: str, traits: AttackTraits, attacked: Attacked) -> Iterator[Finding]:
    """Adversarials to which the model gives no answer, or those that they were made on."""
    if attacked.unanswered is not None:
        places = tuple(f"images under {traits.name}{_budget(epsilon)}" for epsilon in attacked.epsilons)
        yield from _silent(model, traits.name, model, attacked.unanswered, attacked.indices, places)
    if attacked.maker_unanswered is not None and traits.surrogate is not None:
        places = (
            f"images that {traits.name} starts from",
            f"images under {traits.name}{_budget(attacked.epsilons[-1])}",
        )
        maker = f"{traits.surrogate}, on which {traits.name} is made,"
        yield from _silent(model, traits.name, maker, attacked.maker_unanswered, attacked.indices, places)


def diverged(model: str, history: Sequence[Mapping[str, Sequence[float]]]) -> Iterator[Finding]:
    """Training runs that end with a loss that is no number."""
    lost = [
        (seed, 1 + next(epoch for epoch, value in enumerate(curves["loss"]) if math.isnan(value)))
        for seed, curves in enumerate(history)
        if curves.get("loss") and math.isnan(curves["loss"][-1])
    ]
    if lost:
        seed, epoch = lost[0]
        message = f"the loss of {len(lost)} of {len(history)} training runs is NaN, of run {seed} from epoch {epoch} on"
        yield raised("training_diverged", model, None, message)


def _budget(epsilon: float) -> str:
    return f" at ε = {epsilon:g}" if math.isfinite(epsilon) else ""


def _silent(
    model: str,
    attack: str | None,
    who: str,
    unanswered: NDArray[np.bool_],
    indices: IntArray,
    places: Sequence[str],
) -> Iterator[Finding]:
    """One finding for (seeds, places, n) flags; it names the first of them."""
    if not unanswered.any():
        return
    seed, place, image = (int(axis[0]) for axis in np.nonzero(unanswered))
    count, runs = int(unanswered[seed, place].sum()), int(unanswered.any((1, 2)).sum())
    message = (
        f"{who} gives no answer (NaN) to {count} of {len(indices)} {places[place]} in training run {seed}, "
        f"the first is image {int(indices[image])} of the test split"
    )
    if runs > 1:
        message += f"; so do {runs} of {len(unanswered)} training runs"
    yield raised(NO_ANSWER, model, attack, message)
