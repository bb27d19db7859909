"""Subjects of findings: one model under one attack, with all measurements that belong to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qaml.budgets import place_on_grid
from qaml.metrics.accuracy import correct_at
from qaml.metrics.evidence import Attacked, AttackTraits, Clean, Diagnosis, Distances, Nearer
from qaml.outcome.outcome import Finding
from qaml.types import BoolArray, DoubleArray, IntArray

_SEED = 20210617
UNBOUNDED = "unbounded"
"""Name of the battery's member that only keeps to the bounds."""


class Rival(NamedTuple):
    """An attack of the same claim on the same model."""

    traits: AttackTraits
    attacked: Attacked


class Subject(NamedTuple):
    """One model under one attack.

    Attributes:
        model: name of the model.
        traits: the attack's configuration.
        clean: the model's answers to clean images.
        attacked: the model's answers to the attack's adversarials.
        diagnosis: results of the battery, on images spread over the training runs; ``None`` if it did not run.
        weaker: results of the battery's best member at smaller budgets.
        rivals: the claim's other attacks on this model.
        is_published: whether all cells of this pair repeat a paper's measurement, flaws included.
        distances: norms without bounds and exact distances, if the model has them and the attack minimises.
        nearer: the smallest norms that other attacks find, if a claim is about norms.
    """

    model: str
    traits: AttackTraits
    clean: Clean
    attacked: Attacked
    diagnosis: Diagnosis | None = None
    rivals: tuple[Rival, ...] = ()
    is_published: bool = False
    distances: Distances | None = None
    weaker: tuple[Diagnosis, ...] = ()
    nearer: Nearer | None = None

    @property
    def attack(self) -> str:
        """The attack's name."""
        return self.traits.name

    @property
    def battery(self) -> Diagnosis:
        """The results of the battery, which must have run."""
        assert self.diagnosis is not None
        return self.diagnosis

    @property
    def is_diagnosed(self) -> bool:
        """Whether the battery ran, and applies to the attack, as that attacks the model itself."""
        return self.diagnosis is not None and self.traits.is_on_model

    @property
    def has_seen_gradients(self) -> bool:
        """Whether the battery ran with gradients, as for an attack that sees the model."""
        return self.diagnosis is not None and self.traits.is_white_box


class Assessed(NamedTuple):
    """A model under an attack, and the findings about it."""

    subject: Subject
    findings: tuple[Finding, ...]

    def carries(self, name: str) -> bool:
        """Whether it has this weak finding."""
        return any(finding.name == name and finding.severity == "weak" for finding in self.findings)


class Outcomes(NamedTuple):
    """Correctness of single images under one attack, each evaluated on one of the training runs.

    Attributes:
        name: name of the attack for people.
        correct: (n,), 1 for a correct answer, else 0.
        indices: (n,), positions in the original split.
    """

    name: str
    correct: DoubleArray
    indices: IntArray


def is_measured(attacked: Attacked, epsilon: float) -> bool:
    """Whether an attack's correctness at a budget is known."""
    is_below = attacked.norms is not None and epsilon <= attacked.epsilons[-1]
    return is_below or place_on_grid(attacked.epsilons, epsilon) is not None


def measured(name: str, subject: Subject, attacked: Attacked, epsilon: float) -> Outcomes:
    """An attack's correctness at one budget, one draw an image.

    k of K draws are thinned to one draw: a sign test between shares of different K would not be fair.

    Raises:
        ValueError: the budget was not measured.
    """
    contributions = correct_at(attacked, epsilon, subject.clean)
    shares = seated(contributions.values, contributions.indices, subject.diagnosis)
    return Outcomes(name, one_draw(shares, attacked.draws), contributions.indices)


def located(indices: IntArray, wanted: IntArray) -> tuple[IntArray, BoolArray]:
    """The place of each wanted index in ``indices``, which is not empty, and whether it is one of them."""
    order = np.argsort(indices, kind="stable")
    places = order[np.searchsorted(indices[order], wanted).clip(max=len(order) - 1)]
    return places, indices[places] == wanted


def seated(values: NDArray[np.floating], indices: IntArray, diagnosis: Diagnosis | None) -> DoubleArray:
    """The value of one training run for each image, (n,): the run that the diagnostics use for this image.

    Args:
        values: (seeds, n), values of all runs.
        indices: (n,), positions in the original split.
        diagnosis: results with the run of each image; other images are assigned to runs by their positions.
    """
    runs = np.asarray(indices) % len(values)
    if diagnosis is not None and diagnosis.runs is not None and len(diagnosis.indices):
        places, is_known = located(diagnosis.indices, indices)
        runs = np.where(is_known, diagnosis.runs[places] % len(values), runs)
    elif diagnosis is not None:
        runs = np.zeros(len(indices), dtype=np.int64)
    return np.asarray(values, dtype=np.float64)[runs, np.arange(len(indices))]


def one_draw(share: NDArray[np.floating], draws: int) -> DoubleArray:
    """0 or 1 for each image, (n,), drawn with probability k/K: the result of one of the K draws, chosen at random."""
    values = np.asarray(share, dtype=np.float64)
    if draws == 1:
        return values
    return (np.random.default_rng(_SEED).random(len(values)) < values).astype(np.float64)


class Pair(NamedTuple):
    """Two attacks on the same clean-correct images, (n,) each, and the number of images before that choice."""

    first: DoubleArray
    second: DoubleArray
    n_images: int


def paired(first: Outcomes, second: Outcomes, subject: Subject) -> Pair:
    """Restrict two attacks to the images that both were evaluated on and whose clean inputs are right in their run."""
    clean = subject.clean
    common = clean.indices
    if not all(np.array_equal(seen.indices, common) for seen in (first, second)):
        common = np.intersect1d(np.intersect1d(first.indices, second.indices), common)
    right = _pick(one_draw(seated(clean.correct, clean.indices, subject.diagnosis), clean.draws), clean.indices, common)
    return Pair(
        _pick(first.correct, first.indices, common)[right > 0.5],
        _pick(second.correct, second.indices, common)[right > 0.5],
        len(common),
    )


def _pick(values: DoubleArray, indices: IntArray, wanted: IntArray) -> DoubleArray:
    return values[located(indices, wanted)[0]]


def worst_member(diagnosis: Diagnosis) -> DoubleArray:
    """The smallest share of right draws under any member within the budget, (n,); members skip images fooled before."""
    within = (values for name, values in diagnosis.correct.items() if name != UNBOUNDED)
    seen = [np.where(np.isnan(values), 1.0, values) for values in (np.asarray(v, dtype=np.float64) for v in within)]
    return np.min(seen, axis=0) if seen else np.ones(len(diagnosis.indices))


def battery(diagnosis: Diagnosis, member: str, name: str = "") -> Outcomes:
    """The results of a member of the battery that was run on all images, with a name for people."""
    correct = np.asarray(diagnosis.correct[member], dtype=np.float64)
    return Outcomes(name or member, one_draw(correct, diagnosis.draws), diagnosis.indices)
