"""What findings do to a cell: a weak attack leaves the truth open on one side, a void one on both.

A cell over several attacks is as strong as the strongest of them, so a finding on one is *cured* by another:

- any weak finding: the cell also has an iterative (or minimising) white-box attack in the same norm that was diagnosed
  and is free of it;
- ``transfer_beats_white_box``: the cell also has an attack that is not white-box, and the transferred attack of the
  diagnostics (and every other of the claim) does not beat the worst case over the cell's attacks;
- ``iterative_weaker_than_one_step``: the cell has a one-step and an iterative attack, and one step does not beat their
  worst case;
- ``success_falls_with_epsilon``: the metric counts every smaller budget of the grid (robust accuracy and what is made
  from it).

Masked gradients shown by the gradients themselves (zero, saturated, failing without a budget) are not cured by adding
attacks: they are found on every white-box attack, and whatever remains is still an upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from qaml.claims.base import Cell, MetricName
from qaml.judge.findings.comparisons import beats, suspects
from qaml.judge.findings.subject import Outcomes, Subject, one_draw
from qaml.judge.outcome import Finding
from qaml.metrics.accuracy import Threat, joint

CUMULATIVE: frozenset[MetricName] = frozenset({"robust_accuracy", "retained", "epsilon_at"})
_FALLS: frozenset[MetricName] = CUMULATIVE | {"accuracy_under_attack", "norm_quantile"}
_RISES: frozenset[MetricName] = frozenset({"attack_success_rate"})


class Effect(NamedTuple):
    """Where the truth may lie beside what was measured."""

    may_be_lower: bool = False
    may_be_higher: bool = False
    is_void: bool = False


class Assessed(NamedTuple):
    """A model under an attack, and what was found about it."""

    subject: Subject
    findings: tuple[Finding, ...]


def effect_on(cell: Cell, assessed: Mapping[str, Assessed]) -> Effect:
    """What the findings on the cell's attacks mean for the cell.

    Args:
        cell: with its metric; ``as_published`` cells keep their value.
        assessed: attack name → the cell's model under it.
    """
    if cell.protocol == "as_published" or not cell.attack or cell.metric is None:
        return Effect()
    measured = [assessed[name] for name in cell.attack]
    if any(finding.severity == "void" for one in measured for finding in one.findings):
        return Effect(is_void=True)
    names = {finding.name for one in measured for finding in one.findings if finding.severity == "weak"}
    is_weak = any(not _is_cured(name, cell.metric, measured) for name in names)
    return Effect(is_weak and cell.metric in _FALLS, is_weak and cell.metric in _RISES)


def _is_cured(name: str, metric: MetricName, measured: list[Assessed]) -> bool:
    carriers = [one for one in measured if _carries(one, name)]
    if all(any(_is_free(other, name) and _norm(other) == _norm(one) for other in measured) for one in carriers):
        return True
    if name == "success_falls_with_epsilon":
        return metric in CUMULATIVE
    if len(measured) < 2:
        return False
    if name == "transfer_beats_white_box":
        has_other = any(not one.subject.traits.is_white_box for one in measured)
        return has_other and _withstands(name, measured)
    if name == "iterative_weaker_than_one_step":
        kinds = {_is_iterative(one) for one in measured if one.subject.traits.is_white_box}
        return kinds == {True, False} and _withstands(name, measured)
    return False


def _is_iterative(one: Assessed) -> bool:
    return one.subject.traits.is_iterative or one.subject.traits.minimises


def _norm(one: Assessed) -> str:
    return one.subject.traits.norm


def _carries(one: Assessed, name: str) -> bool:
    return any(finding.name == name and finding.severity == "weak" for finding in one.findings)


def _is_free(one: Assessed, name: str) -> bool:
    """Whether an iterative white-box attack was looked at and is free of a finding (so not merely not assessed)."""
    is_strong = one.subject.traits.is_white_box and _is_iterative(one) and one.subject.diagnosis is not None
    return is_strong and all(finding.name != name for finding in one.findings)


def _withstands(name: str, measured: list[Assessed]) -> bool:
    """Whether what raised the finding does not beat the worst case over the cell's attacks either."""
    for one in measured:
        if not _carries(one, name):
            continue
        subject = one.subject
        epsilon = subject.diagnosis.epsilon if subject.diagnosis is not None else subject.attacked.epsilons[-1]
        worst = _worst_case(measured, subject, epsilon)
        answers = [beats(suspect, worst, subject, epsilon) for suspect in suspects(name, subject, epsilon)]
        if any(answer.is_beaten or not answer.is_assessed for answer in answers):
            return False
    return True


def _worst_case(measured: list[Assessed], subject: Subject, epsilon: float) -> Outcomes:
    """The first seed's worst case over all attacks in the subject's norm, up to a budget."""
    threats = [
        Threat(one.subject.attacked, epsilon) for one in measured if one.subject.traits.norm == subject.traits.norm
    ]
    both = joint(subject.clean, threats)
    draws = max([subject.clean.draws, *(threat.attacked.draws for threat in threats)])
    return Outcomes("the worst case", one_draw(both.robust[0], draws), both.indices)
