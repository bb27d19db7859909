"""What the findings look at: one model under one attack, with everything measured beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.metrics.accuracy import column, correct_at
from qaml.metrics.evidence import Attacked, AttackTraits, Clean, Diagnosis, Distances
from qaml.types import IntArray

Array = NDArray[np.float64]
_SEED = 20210617


class Rival(NamedTuple):
    """An attack of the same claim on the same model."""

    traits: AttackTraits
    attacked: Attacked


class Subject(NamedTuple):
    """One model under one attack.

    Attributes:
        model: the model's name.
        traits: of the attack.
        clean: the model on clean images.
        attacked: the model on the attack's adversarials.
        diagnosis: the battery on the first seed, if it ran.
        rivals: the claim's other attacks on this model.
        is_published: every cell of this pair repeats what a paper did, flaws included.
        distances: the attack without bounds beside exact distances, where the model has them and the attack minimises.
    """

    model: str
    traits: AttackTraits
    clean: Clean
    attacked: Attacked
    diagnosis: Diagnosis | None = None
    rivals: tuple[Rival, ...] = ()
    is_published: bool = False
    distances: Distances | None = None


class Outcomes(NamedTuple):
    """Correctness of single images of the first seed under one attack."""

    name: str
    correct: Array
    indices: IntArray


def first_seed(name: str, attacked: Attacked, epsilon: float, clean: Clean) -> Outcomes | None:
    """The first seed's correctness at one budget, one draw an image; None where the budget was not measured.

    k of K draws are thinned to one draw: a sign test between shares of different K would not be fair.
    """
    if column(attacked.epsilons, epsilon) is None and (attacked.norms is None or epsilon > attacked.epsilons[-1]):
        return None
    contributions = correct_at(attacked, epsilon, clean)
    return Outcomes(name, one_draw(contributions.values[0], attacked.draws), contributions.indices)


def one_draw(share: NDArray[np.floating], draws: int) -> Array:
    """Zero or one for each image, drawn with probability k/K: exactly one of the K draws, picked at random."""
    values = np.asarray(share, dtype=np.float64)
    if draws == 1:
        return values
    return (np.random.default_rng(_SEED).random(len(values)) < values).astype(np.float64)


class Pair(NamedTuple):
    """Two attacks on the same clean-correct images, (n,) each, and how many images there were before that choice."""

    first: Array
    second: Array
    n_images: int


def paired(first: Outcomes, second: Outcomes, clean: Clean) -> Pair:
    """Restrict two attacks to the images that both saw and that the first seed gets right when clean."""
    common = clean.indices
    if not all(np.array_equal(seen.indices, common) for seen in (first, second)):
        common = np.intersect1d(np.intersect1d(first.indices, second.indices), common)
    right = _pick(one_draw(clean.correct[0], clean.draws), clean.indices, common) > 0.5
    return Pair(
        _pick(first.correct, first.indices, common)[right],
        _pick(second.correct, second.indices, common)[right],
        len(common),
    )


def _pick(values: Array, indices: IntArray, wanted: IntArray) -> Array:
    order = np.argsort(indices, kind="stable")
    picked: Array = values[order[np.searchsorted(indices[order], wanted)]]
    return picked


def battery(diagnosis: Diagnosis, name: str) -> Outcomes | None:
    """One attack of the diagnostics."""
    correct = diagnosis.correct.get(name)
    return None if correct is None else Outcomes(name, correct.astype(np.float64), diagnosis.indices)
