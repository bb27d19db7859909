"""What findings do to a cell: a weak attack leaves the truth open on one side, a void one on both.

A cell over several attacks is as strong as the strongest of them, so a weak finding on one is *cured*

- by another one that does not have it: iterative (or minimising), white-box, in the same norm, checked for this finding
  at the cell's budget or a larger one, and free of it;
- for ``transfer_beats_white_box`` and ``iterative_weaker_than_one_step``: by what showed it, if that is among the
  cell's attacks, nothing that showed it (the diagnostics included) beats the worst case over the cell's attacks, and
  the cell's iterative white-box attacks find nine tenths of the adversarials that it found. An attack that misses more
  of those misses others, too, and putting them into the cell does not make it sound;
- for ``success_falls_with_epsilon``: where the cell's budget is smaller than the one at which success falls;
- for ``another_attack_is_nearer``, which limits norms only: where the cell's attacks together are as near;
- by exact distances in the same norm, which miss nothing.

Masked gradients shown by the gradients themselves (zero, saturated, failing without a budget) are not cured by adding
attacks: they are found on every white-box attack, and whatever remains is still an upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from qaml.claims.base import Cell, MetricName
from qaml.findings import FINDINGS
from qaml.judge.findings.comparisons import beats, first_fall, suspects
from qaml.judge.findings.norms import TOLERATED, norms_of
from qaml.judge.findings.subject import Outcomes, Subject, measured, one_draw, paired, seated
from qaml.metrics.accuracy import TOLERANCE, Threat, joint
from qaml.metrics.crossing import common_grid
from qaml.outcome.outcome import Finding

FALLS: frozenset[MetricName] = frozenset(
    {"robust_accuracy", "retained", "epsilon_at", "accuracy_under_attack", "norm_quantile"}
)
"""Metrics that a stronger attack makes smaller."""
RISES: frozenset[MetricName] = frozenset({"attack_success_rate"})
"""Metrics that a stronger attack makes larger."""
VOIDED: frozenset[MetricName] = frozenset({"fidelity", "noise_reach", "shots_needed", "low_frequency_share"})
"""Metrics of adversarials themselves: those of an attack that fails say nothing of those of one that works."""
MISSED = 0.10
"""Share of the adversarials known to exist that a sound attack may miss (as in the planted-adversarial test)."""


class Effect(NamedTuple):
    """Where the truth may lie beside what was measured."""

    may_be_lower: bool = False
    may_be_higher: bool = False
    is_void: bool = False


class Assessed(NamedTuple):
    """A model under an attack, and what was found about it."""

    subject: Subject
    findings: tuple[Finding, ...]

    @property
    def is_iterative(self) -> bool:
        """Whether it takes more than one gradient step."""
        return self.subject.traits.is_iterative or self.subject.traits.minimises

    @property
    def is_strong(self) -> bool:
        """Whether it could be as strong as attacks are: iterative, on the model itself."""
        return self.is_iterative and self.subject.traits.is_white_box

    def carries(self, name: str) -> bool:
        """Whether it was found weak in this way."""
        return any(finding.name == name and finding.severity == "weak" for finding in self.findings)


def failed(assessed: Assessed) -> bool:
    """Whether an attack was found to fail on the model, rather than to be weaker than another."""
    return any(finding.severity == "weak" and not FINDINGS[finding.name].is_of_degree for finding in assessed.findings)


def effect_on(cell: Cell, assessed: Mapping[str, Assessed]) -> Effect:
    """What the findings on the cell's attacks mean for the cell.

    Args:
        cell: with its metric; ``as_published`` cells keep their value.
        assessed: attack name → the cell's model under it.
    """
    if cell.protocol == "as_published" or not cell.attack or cell.metric is None:
        return Effect()
    attacks = [assessed[name] for name in cell.attack]
    if any(finding.severity == "void" for one in attacks for finding in one.findings):
        return Effect(is_void=True)
    names = {finding.name for one in attacks for finding in one.findings if finding.severity == "weak"}
    is_weak = any(FINDINGS[name].is_about(cell.metric) and not _is_cured(name, cell, attacks) for name in names)
    if is_weak and cell.metric in VOIDED:
        return Effect(is_void=True)
    return Effect(is_weak and cell.metric in FALLS, is_weak and cell.metric in RISES)


def _is_cured(name: str, cell: Cell, attacks: Sequence[Assessed]) -> bool:
    if name == "no_search":
        return any(one.subject.traits.is_search for one in attacks)
    if name == "another_attack_is_nearer":
        together = norms_of([one.subject for one in attacks])
        return together is not None and together.nearer_share <= TOLERATED
    carriers = [one for one in attacks if one.carries(name)]
    exact = {one.subject.traits.norm for one in attacks if one.subject.traits.is_exact}
    carriers = [one for one in carriers if one.subject.traits.norm not in exact]
    if all(any(_stands_in(other, one, name, cell) for other in attacks) for one in carriers):
        return True
    if name == "success_falls_with_epsilon":
        return all(_is_below_the_fall(cell, one.subject) for one in carriers)
    if name == "transfer_beats_white_box":
        has_both = any(not one.subject.traits.is_white_box for one in attacks)
    elif name == "iterative_weaker_than_one_step":
        has_both = {one.is_iterative for one in attacks if one.subject.traits.is_white_box} == {True, False}
    else:
        return False
    return has_both and all(_withstands(name, one.subject, attacks) for one in carriers)


def _stands_in(other: Assessed, carrier: Assessed, name: str, cell: Cell) -> bool:
    """Whether another attack of the cell is free of a finding, and was looked at where it matters."""
    if not other.is_strong or other.subject.traits.norm != carrier.subject.traits.norm:
        return False
    if any(finding.name == name for finding in other.findings) or not _was_checked(name, other.subject):
        return False
    diagnosis = other.subject.diagnosis
    return diagnosis is not None and diagnosis.epsilon >= _budget(cell, carrier, other) * (1 - TOLERANCE)


def _budget(cell: Cell, carrier: Assessed, other: Assessed) -> float:
    """The cell's budget: the one it names, else the largest that the two attacks share, else the carrier's largest."""
    if isinstance(cell.epsilon, float):
        return cell.epsilon
    shared = common_grid([carrier.subject.attacked, other.subject.attacked])
    return shared[-1] if shared else carrier.subject.attacked.epsilons[-1]


def _was_checked(name: str, subject: Subject) -> bool:
    """Whether the finding could have been raised: what was not looked for is not absent."""
    diagnosis, attacked = subject.diagnosis, subject.attacked
    if diagnosis is None:
        return False
    own = measured(subject.traits.name, subject, attacked, diagnosis.epsilon)
    if name in ("transfer_beats_white_box", "iterative_weaker_than_one_step"):
        return own is not None and bool(suspects(name, subject, diagnosis.epsilon))
    if name == "noise_as_strong":
        return own is not None and "noise" in diagnosis.correct
    if name == "success_falls_with_epsilon":
        return first_fall(subject) is not None
    if name == "cannot_reach_epsilon":
        return subject.traits.minimises or bool(subject.traits.reach)
    if name == "planted_missed":
        return diagnosis.planted_missed is not None and len(diagnosis.planted_missed) > 0
    if name == "beyond_exact_distance":
        return subject.distances is not None
    if name == "no_averaging":
        return {"eot", "pgd"} <= set(diagnosis.correct)
    return name != "unbounded_attack_fails" or "unbounded" in diagnosis.correct


def _is_below_the_fall(cell: Cell, subject: Subject) -> bool:
    fall = first_fall(subject)
    return isinstance(cell.epsilon, float) and fall is not None and cell.epsilon < fall.epsilon * (1 - TOLERANCE)


def _withstands(name: str, subject: Subject, attacks: Sequence[Assessed]) -> bool:
    """Whether what showed a finding beats neither the cell's attacks together nor, by much, its iterative ones."""
    epsilon = subject.diagnosis.epsilon if subject.diagnosis is not None else subject.attacked.epsilons[-1]
    strong = [one for one in attacks if one.is_strong]
    everything = _worst_case(attacks, subject, epsilon)
    iterative = _worst_case(strong, subject, epsilon)
    if everything is None or iterative is None:
        return False
    for suspect in suspects(name, subject, epsilon):
        answer = beats(suspect, everything, subject, epsilon)
        if answer.is_beaten or not answer.is_assessed or _share_missed(suspect, iterative, subject) > MISSED:
            return False
    return True


def _share_missed(known: Outcomes, attack: Outcomes, subject: Subject) -> float:
    """Of the adversarials that one attack found, the share that another did not."""
    pair = paired(known, attack, subject)
    fooled = pair.first < 0.5
    return float((pair.second[fooled] > 0.5).mean()) if fooled.any() else 0.0


def _worst_case(attacks: Sequence[Assessed], subject: Subject, epsilon: float) -> Outcomes | None:
    """The first seed's worst case over attacks in the subject's norm, up to a budget; None without attacks."""
    threats = [
        Threat(one.subject.attacked, epsilon) for one in attacks if one.subject.traits.norm == subject.traits.norm
    ]
    if not threats:
        return None
    both = joint(subject.clean, threats)
    draws = max([subject.clean.draws, *(threat.attacked.draws for threat in threats)])
    robust = seated(both.robust, both.indices, subject.diagnosis)
    return Outcomes("the worst case", one_draw(robust, draws), both.indices)
