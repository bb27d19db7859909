"""The gap: the share of images that only the battery fools, by which a verdict of robustness must also hold.

A cell's value is that of its own attacks. On the battery's images the gap g is the share that is right under the
cell's attacks and wrong under them together with the battery's; *supported* must hold for the value less g, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from qaml.budgets import is_within
from qaml.claims.base import Cell, Term
from qaml.judge.findings.subject import Assessed, Subject, located, seated, worst_member
from qaml.metrics.accuracy import Threat, correct_at, joint
from qaml.metrics.evidence import Diagnosis
from qaml.metrics.worst_case import Candidate, worst_case
from qaml.types import DoubleArray, IntArray


class Gap(NamedTuple):
    """Images that the battery fooled and the cell's attacks did not, by training run.

    Attributes:
        fooled: (runs,) number of images that only the battery fooled.
        n: (runs,) number of images that the battery ran on.
    """

    fooled: tuple[float, ...]
    n: tuple[int, ...]

    @property
    def value(self) -> float:
        """The gap g, as a share of all images."""
        return sum(self.fooled) / max(sum(self.n), 1)


class Checked(NamedTuple):
    """How a cell's own attacks were checked.

    Attributes:
        gap: the images that the battery fooled beyond them; ``None`` if it did not run.
        is_in_scope: whether a stronger attack would limit the cell.
    """

    gap: Gap | None
    is_in_scope: bool


OUT_OF_SCOPE = Checked(None, False)


def checked(cell: Cell, assessed: Mapping[str, Assessed], budgets: Sequence[float]) -> Checked:
    """Compare a cell's attacks with the battery.

    In scope are cells of robustness under attacks on the model itself: those that see it are compared with attacks that
    do, those that ask it with others that ask. Transferred attacks are compared with neither; ``as_published`` cells
    keep their value, and exact distances miss no adversarial.

    Args:
        cell: the cell.
        assessed: attack name → the cell's model under it.
        budgets: the budget of each of the cell's attacks, in order.
    """
    subjects = [assessed[name].subject for name in cell.attack]
    searched = [one for one in subjects if one.traits.is_on_model and one.traits.is_search and not one.traits.is_exact]
    is_limited = cell.definition.direction in ("falls", "rises") and cell.definition.basis == "answers"
    if cell.protocol == "as_published" or not is_limited or not searched:
        return OUT_OF_SCOPE
    if any(one.traits.is_exact and one.traits.norm == searched[0].traits.norm for one in subjects):
        return OUT_OF_SCOPE
    limits = dict(zip(cell.attack, budgets, strict=True))
    looked = [one for one in searched if _diagnoses(one, limits[one.traits.name])]
    if not looked:
        return Checked(None, True)
    return Checked(_gap(cell, subjects, looked, limits), True)


def _diagnoses(subject: Subject, epsilon: float) -> list[Diagnosis]:
    """The battery's results at budgets up to the cell's, whose adversarials are within the cell's budget, too."""
    found = [subject.diagnosis] if subject.diagnosis is not None else []
    return [one for one in (*found, *subject.weaker) if is_within(one.epsilon, epsilon)]


def _gap(cell: Cell, subjects: Sequence[Subject], looked: Sequence[Subject], limits: Mapping[str, float]) -> Gap:
    """The images that are right under the cell's attacks and wrong with the batteries of all of its norms."""
    clean = subjects[0].clean
    threats = [Threat(one.attacked, limits[one.traits.name]) for one in subjects]
    if cell.definition.attacks != "several":
        raw = correct_at(threats[0].attacked, threats[0].epsilon, clean)
        right, indices = raw.values, raw.indices
    else:
        both = joint(clean, threats)
        right, indices = both.robust, both.indices
    lead = looked[0].diagnosis
    own = seated(right, indices, lead)
    was_right = seated(clean.correct, clean.indices, lead)
    draws = max([clean.draws, *(threat.attacked.draws for threat in threats)])
    diagnoses = [one for subject in looked for one in _diagnoses(subject, limits[subject.traits.name])]
    images, runs = diagnoses[0].indices, _runs(diagnoses[0])
    is_seen = np.isin(images, indices) & np.isin(images, clean.indices)
    images, runs = images[is_seen], runs[is_seen]
    mine, clean_right = _at(own, indices, images), _at(was_right, clean.indices, images)
    theirs = np.min([_at(worst_member(one), one.indices, images) for one in diagnoses], axis=0)
    lost = _lost(mine, draws, theirs, max(one.draws for one in diagnoses))
    if cell.definition.is_of_clean_correct:
        counts = clean_right > 0.5
        lost, runs = lost[counts], runs[counts]
    return _by_run(lost, runs)


def _runs(diagnosis: Diagnosis) -> IntArray:
    return diagnosis.runs if diagnosis.runs is not None else np.zeros(len(diagnosis.indices), dtype=np.int64)


def _at(values: DoubleArray, indices: IntArray, wanted: IntArray) -> DoubleArray:
    places, is_known = located(indices, wanted)
    return np.where(is_known, values[places], 1.0)


def _lost(mine: DoubleArray, draws: int, theirs: DoubleArray, other_draws: int) -> DoubleArray:
    """The amount by which the battery lowers each image's share of right draws, (n,).

    For randomised models the worse of both is chosen on one half of the draws and scored on the other.
    """
    if draws == 1 and other_draws == 1:
        return mine - np.minimum(mine, theirs)
    both = [Candidate(mine[None], max(draws, 2)), Candidate(theirs[None], max(other_draws, 2))]
    changed: DoubleArray = mine - worst_case(both)[0]
    return changed


def _by_run(lost: DoubleArray, runs: IntArray) -> Gap:
    found = [lost[runs == run] for run in np.unique(runs)]
    return Gap(tuple(max(float(part.sum()), 0.0) for part in found), tuple(len(part) for part in found))


def about_attacks(terms: Sequence[Term]) -> frozenset[str]:
    """Models of which a contrast compares two attacks: that one is weaker must not limit a claim that says so."""
    found = set()
    for model in {cell.model for cell, _ in terms}:
        added, subtracted = (
            {
                frozenset(cell.attack)
                for cell, weight in terms
                if cell.model == model and cell.attack and weight * sign > 0
            }
            for sign in (1, -1)
        )
        if added and subtracted and not added & subtracted:
            found.add(model)
    return frozenset(found)
