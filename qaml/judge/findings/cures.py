"""Cures of weak findings: a cell over several attacks is as strong as the strongest of them.

Exact distances in the same norm miss no adversarial, so an attack together with them needs no cure. Masked gradients
that the gradients themselves show (zero, saturated, failing without a budget) are found on every white-box attack, so
no other attack is free of them, and the measured value is still an upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from qaml.budgets import is_under
from qaml.claims.base import Cell
from qaml.judge.findings.contest import Suspects, beats, elsewhere, first_fall, one_step
from qaml.judge.findings.norms import TOLERATED, norms_of
from qaml.judge.findings.subject import Assessed, Outcomes, Subject, one_draw, paired, seated
from qaml.metrics.accuracy import Threat, joint
from qaml.metrics.crossing import common_grid
from qaml.metrics.evidence import AttackTraits

if TYPE_CHECKING:
    from qaml.judge.findings.check import OfAttack

MISSED = 0.10
"""Largest share of known adversarials that a sound attack may miss (as in the planted-adversarial test)."""


class Case(NamedTuple):
    """A weak finding in a cell.

    Attributes:
        check: the check of the finding.
        cell: a cell over several attacks.
        carriers: attacks of the cell that have the finding, without exact distances in their norm in the cell.
        attacks: all attacks of the cell.
    """

    check: OfAttack
    cell: Cell
    carriers: Sequence[Assessed]
    attacks: Sequence[Assessed]


class Cure(NamedTuple):
    """A condition that frees a cell from a weak finding.

    Attributes:
        words: the condition in words.
        works: whether a case fulfils the condition.
    """

    words: str
    works: Callable[[Case], bool]


def is_cured(check: OfAttack, cell: Cell, attacks: Sequence[Assessed]) -> bool:
    """Whether a finding on some of a cell's attacks does not limit the cell."""
    exact = {one.subject.traits.norm for one in attacks if one.subject.traits.is_exact}
    carriers = [one for one in attacks if one.carries(check.name) and one.subject.traits.norm not in exact]
    return any(cure.works(Case(check, cell, carriers, attacks)) for cure in check.cures)


def _has_another(case: Case) -> bool:
    return all(any(_stands_in(other, one, case) for other in case.attacks) for one in case.carriers)


def _stands_in(other: Assessed, carrier: Assessed, case: Case) -> bool:
    """Whether another attack of the cell is free of a finding, and was checked for it at the cell's budget."""
    subject, diagnosis = other.subject, other.subject.diagnosis
    return (
        _is_as_strong(subject.traits, carrier.subject.traits)
        and subject.traits.threat == carrier.subject.traits.threat
        and not any(finding.name == case.check.name for finding in other.findings)
        and case.check.could_be_raised(subject)
        and diagnosis is not None
        and not is_under(diagnosis.epsilon, _budget(case.cell, carrier, other))
    )


def _is_as_strong(other: AttackTraits, own: AttackTraits) -> bool:
    """Whether an attack takes several steps, with no less access than another has."""
    return other.is_strong if own.is_white_box else other.takes_steps and other.is_on_model


def _budget(cell: Cell, carrier: Assessed, other: Assessed) -> float:
    """The cell's budget: the one it names, else the largest that the two attacks share, else the carrier's largest."""
    if isinstance(cell.epsilon, float):
        return cell.epsilon
    shared = common_grid([carrier.subject.attacked, other.subject.attacked])
    return shared[-1] if shared else carrier.subject.attacked.epsilons[-1]


def _is_below_the_fall(case: Case) -> bool:
    falls = [first_fall(one.subject) for one in case.carriers]
    epsilon = case.cell.epsilon
    return isinstance(epsilon, float) and all(fall is not None and is_under(epsilon, fall.epsilon) for fall in falls)


def _has_transfer(case: Case) -> bool:
    is_beside = any(not one.subject.traits.is_white_box for one in case.attacks)
    return is_beside and _withstand(elsewhere, case)


def _has_both(case: Case) -> bool:
    steps = {one.subject.traits.takes_steps for one in case.attacks if one.subject.traits.is_white_box}
    return len(steps) == 2 and _withstand(one_step, case)


def _withstand(suspects: Suspects, case: Case) -> bool:
    return all(_withstands(suspects, one.subject, case.attacks) for one in case.carriers)


def _withstands(suspects: Suspects, subject: Subject, attacks: Sequence[Assessed]) -> bool:
    """Whether the suspects of a finding beat neither the cell's attacks together nor, by much, its iterative ones."""
    epsilon = subject.diagnosis.epsilon if subject.diagnosis is not None else subject.attacked.epsilons[-1]
    strong = [one for one in attacks if one.subject.traits.is_strong]
    everything = _worst_case(attacks, subject, epsilon)
    iterative = _worst_case(strong, subject, epsilon)
    if everything is None or iterative is None:
        return False
    for seen in suspects(subject, epsilon):
        suspect = seen()
        answer = beats(suspect, everything, subject, epsilon)
        if answer.is_beaten or not answer.is_assessed or _share_missed(suspect, iterative, subject) > MISSED:
            return False
    return True


def _share_missed(known: Outcomes, attack: Outcomes, subject: Subject) -> float:
    """The share of the adversarials of one attack that another attack did not find."""
    pair = paired(known, attack, subject)
    fooled = pair.first < 0.5
    return float((pair.second[fooled] > 0.5).mean()) if fooled.any() else 0.0


def _worst_case(attacks: Sequence[Assessed], subject: Subject, epsilon: float) -> Outcomes | None:
    """The first seed's worst case over attacks in the subject's norm and box, up to a budget; ``None`` without any."""
    threats = [
        Threat(one.subject.attacked, epsilon) for one in attacks if one.subject.traits.threat == subject.traits.threat
    ]
    if not threats:
        return None
    both = joint(subject.clean, threats)
    draws = max([subject.clean.draws, *(threat.attacked.draws for threat in threats)])
    robust = seated(both.robust, both.indices, subject.diagnosis)
    return Outcomes("the worst case", one_draw(robust, draws), both.indices)


def _is_as_near(case: Case) -> bool:
    together = norms_of([one.subject for one in case.attacks])
    return together is not None and together.nearer_share <= TOLERATED


_BESIDE = (
    "in the cell, where nothing that showed the finding, the diagnostics included, beats the worst case over the "
    "cell's attacks, and the iterative white-box ones find nine tenths of the adversarials that it found"
)
ANOTHER_ATTACK = Cure(
    "another attack of the cell: iterative, with no less access to the model, in the same norm and box, looked at for "
    "this finding at the cell's budget or a larger one, and free of it",
    _has_another,
)
TRANSFER_BESIDE = Cure(f"a transferred or black-box attack {_BESIDE}", _has_transfer)
ONE_STEP_BESIDE = Cure(f"a one-step attack {_BESIDE}", _has_both)
BELOW_THE_FALL = Cure("a budget of the cell that is smaller than the one at which success falls", _is_below_the_fall)
AS_NEAR = Cure("attacks of the cell that together are as near", _is_as_near)
A_SEARCH = Cure(
    "another attack of the cell that searches", lambda case: any(a.subject.traits.is_search for a in case.attacks)
)
