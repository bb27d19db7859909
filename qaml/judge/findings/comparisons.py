"""Findings that compare two attacks on the same images: an attack that should be weaker fools more.

A transferred attack is compared only with attacks of equal access, which are made on the same surrogate.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from qaml.judge.findings.check import OfAttack, Raised, too_few
from qaml.judge.findings.contest import (
    ENOUGH_IMAGES,
    IMAGES,
    POINTS,
    Seen,
    Suspects,
    beats,
    budget,
    compared_at,
    elsewhere,
    first_fall,
    one_step,
    opponents,
    own,
    percent,
)
from qaml.judge.findings.cures import ANOTHER_ATTACK, BELOW_THE_FALL, ONE_STEP_BESIDE, TRANSFER_BESIDE, Cure
from qaml.judge.findings.subject import (
    UNBOUNDED,
    Outcomes,
    Pair,
    Subject,
    battery,
    is_measured,
    one_draw,
    paired,
    worst_member,
)
from qaml.metrics.evidence import Diagnosis

ALWAYS = 0.10
"""Largest share of the battery's images that only the battery may fool; beyond it an attack has failed."""


def _is_own_measured(subject: Subject) -> bool:
    return is_measured(subject.attacked, compared_at(subject))


def _has(subject: Subject, *members: str) -> bool:
    """Whether the battery's members attacked the model, and the attack was measured at their budget."""
    return subject.is_diagnosed and _is_own_measured(subject) and set(members) <= set(subject.battery.correct)


def _could_be_beaten(suspects: Suspects, subject: Subject) -> bool:
    """Whether there is an attack that should be weaker, and an iterative white-box attack to compare it with."""
    epsilon = compared_at(subject)
    has_reference = _is_own_measured(subject) if subject.traits.takes_steps else opponents(subject, epsilon).iterative
    return subject.traits.is_white_box and bool(has_reference) and bool(suspects(subject, epsilon))


def _beaten(suspects: Suspects, subject: Subject) -> Iterator[Raised]:
    """Raised for the first suspect that fools more than the attack.

    An attack of one step is replaced by the strongest iterative one.
    """
    epsilon = compared_at(subject)
    rivals = opponents(subject, epsilon)
    is_own = subject.traits.takes_steps
    reference = own(subject, epsilon) if is_own else min((seen() for seen in rivals.iterative), key=_mean)
    n_rivals = max(1, sum(map(len, rivals)))
    answers = [beats(seen(), reference, subject, epsilon, n_rivals) for seen in suspects(subject, epsilon)]
    beaten = next((answer for answer in answers if answer.is_beaten), None)
    if beaten is not None:
        yield Raised(beaten.message)
    elif not any(answer.is_assessed for answer in answers):
        yield too_few(max(answer.n_images for answer in answers))


def _mean(outcomes: Outcomes) -> float:
    return float(outcomes.correct.mean())


def _alike(subject: Subject) -> list[Seen]:
    """Attacks with equal access: iterative ones on the model itself, or those made on the same surrogate."""
    rivals = opponents(subject, compared_at(subject))
    if not subject.traits.is_white_box:
        return rivals.elsewhere
    return rivals.iterative if subject.traits.takes_steps else []


def _another_could_fool_more(subject: Subject) -> bool:
    return _is_own_measured(subject) and (subject.is_diagnosed or bool(_alike(subject)))


def _another_fools_more(subject: Subject) -> Iterator[Raised]:
    failed = _beyond(subject) if subject.is_diagnosed else []
    yield from failed or _strongest(subject)


def _strongest(subject: Subject) -> Iterator[Raised]:
    """Raised as a note for the rival that fools most, if it fools more than the claim's own attack.

    Its effect on the verdict is computed from the images (``judge.gap``).
    """
    epsilon = compared_at(subject)
    mine, rivals = own(subject, epsilon), sorted((seen() for seen in _alike(subject)), key=_mean)
    n_rivals = max(1, sum(map(len, opponents(subject, epsilon))))
    answers = (beats(rival, mine, subject, epsilon, n_rivals) for rival in rivals)
    beaten = next((answer for answer in answers if answer.is_beaten), None)
    if beaten is not None:
        yield Raised(beaten.message)


def _beyond(subject: Subject) -> list[Raised]:
    """Raised if more than a tenth of the battery's images are right under the attack and wrong with the battery."""
    diagnosis = subject.battery
    pair = _together(subject)
    lost = (pair.first < 0.5) & (pair.second > 0.5)
    share = float(lost.sum()) / max(pair.n_images, 1)
    if share <= ALWAYS or diagnosis.draws > 1:
        return []
    best = max(diagnosis.correct, key=lambda name: _fooled(diagnosis, name))
    message = (
        f"at {budget(subject, diagnosis.epsilon)} {100 * share:.1f} % of {pair.n_images} images are right under "
        f"{subject.traits.name} and wrong with the battery, most of them under its {best.replace('_', ' ')} attack"
    )
    return [Raised(message, "weak")]


def _fooled(diagnosis: Diagnosis, name: str) -> float:
    return float(np.nansum(1 - np.asarray(diagnosis.correct[name], dtype=np.float64))) if name != UNBOUNDED else -1.0


def _noise(subject: Subject) -> Iterator[Raised]:
    epsilon = subject.battery.epsilon
    pair = paired(battery(subject.battery, "noise"), own(subject, epsilon), subject)
    if pair.n_images < ENOUGH_IMAGES:
        yield too_few(pair.n_images)
        return
    fooled = int((pair.first < 0.5).sum())
    is_as_strong = fooled >= max(IMAGES, POINTS * len(pair.first)) and fooled >= int((pair.second < 0.5).sum())
    if is_as_strong and not _is_unsurpassed(subject):
        yield Raised(
            f"at {budget(subject, epsilon)} ten draws of noise fool {percent(pair.first)} of {len(pair.first)} "
            f"clean-correct images, {subject.traits.name} {percent(pair.second)}"
        )


def _is_unsurpassed(subject: Subject) -> bool:
    """Whether an attack that only asks misses next to nothing that the battery finds by asking.

    In few dimensions noise finds everything, too, and an attack cannot do better than that. Of attacks that see the
    model it would prove nothing: the battery's members may all follow the same wrong gradient.
    """
    pair = _together(subject)
    lost = int(((pair.first < 0.5) & (pair.second > 0.5)).sum())
    return subject.traits.asks is not None and lost < max(IMAGES, POINTS * len(pair.first))


def _together(subject: Subject) -> Pair:
    """All of the battery and the attack at the battery's budget."""
    diagnosis = subject.battery
    together = Outcomes("the battery", one_draw(worst_member(diagnosis), diagnosis.draws), diagnosis.indices)
    return paired(together, own(subject, diagnosis.epsilon), subject)


def _averaging(subject: Subject) -> Iterator[Raised]:
    """Raised if EOT beats the same attack without averaging, and the claim's own attack if that is iterative, too."""
    epsilon = subject.battery.epsilon
    averaged = battery(subject.battery, "eot", "PGD averaged over draws (EOT)")
    others = [battery(subject.battery, "pgd", "PGD")]
    others += [own(subject, epsilon)] if subject.traits.takes_steps else []
    answers = [beats(averaged, other, subject, epsilon) for other in others]
    if not all(answer.is_assessed for answer in answers):
        yield too_few(answers[0].n_images)
    elif all(answer.is_beaten for answer in answers):
        yield Raised(answers[-1].message)


def _falling(subject: Subject) -> Iterator[Raised]:
    fall = first_fall(subject)
    if fall is None:
        return
    if not fall.answer.is_assessed:
        yield too_few(fall.answer.n_images)
    elif fall.answer.is_beaten:
        yield Raised(fall.answer.message, None if subject.traits.takes_steps else "note")


def _against(name: str, suspects: Suspects, cure: Cure) -> OfAttack:
    could, found = partial(_could_be_beaten, suspects), partial(_beaten, suspects)
    return OfAttack(name, could, found, (ANOTHER_ATTACK, cure))


CHECKS = (
    _against("iterative_weaker_than_one_step", one_step, ONE_STEP_BESIDE),
    _against("transfer_beats_white_box", elsewhere, TRANSFER_BESIDE),
    OfAttack("another_attack_fools_more", _another_could_fool_more, _another_fools_more),
    OfAttack("noise_as_strong", lambda one: one.traits.is_search and _has(one, "noise"), _noise),
    OfAttack("no_averaging", lambda one: _has(one, "eot", "pgd"), _averaging),
    OfAttack(
        "success_falls_with_epsilon",
        lambda one: one.traits.is_on_model and len(one.attacked.epsilons) > 1,
        _falling,
        (ANOTHER_ATTACK, BELOW_THE_FALL),
    ),
)
