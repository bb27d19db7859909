"""The verdicts' marks, which differ in word, shape and colour, and the models' colours and dashes.

Only the style sheet defines colours, for light and for dark; pages name them by class.
"""

from __future__ import annotations

from typing import NamedTuple

from qaml.outcome.drawings import Curve, Strip, TrainingCurve
from qaml.outcome.outcome import Finding, Outcome
from qaml.report.text.origin import origin
from qaml.vocab import Severity, Verdict


class Mark(NamedTuple):
    """How a verdict is shown.

    Attributes:
        symbol: the character that marks it in text.
        means: its meaning, one sentence for the legend.
    """

    symbol: str
    means: str


MARKS: dict[Verdict, Mark] = {
    "supported": Mark("●", "the whole interval satisfies the claim"),
    "refuted": Mark("✕", "no part of the interval satisfies the claim"),
    "inconclusive": Mark("◐", "the interval does not decide"),
    "invalid": Mark("⊘", "the measurement cannot decide"),
}

SEVERITIES: dict[Severity, str] = {
    "void": "voids the measurement",
    "weak": "the attack is weak",
    "note": "a note",
}


def models_of(outcome: Outcome) -> tuple[str, ...]:
    """The models that a claim measures, surrogates included."""
    names = [name for cell in outcome.cells for name in (cell.model, cell.surrogate) if name]
    made = [origin(curve.model, curve.attack).model for curve in outcome.curves if not curve.is_worst_case]
    made += [strip.surrogate for strip in outcome.strips if strip.surrogate]
    drawn: tuple[Curve | TrainingCurve | Strip | Finding, ...]
    drawn = (*outcome.curves, *outcome.training, *outcome.strips, *outcome.findings)
    return tuple(dict.fromkeys((*names, *(d.model for d in drawn), *made)))


def attacks_of(outcome: Outcome) -> tuple[str, ...]:
    """The attacks that a claim measures."""
    cells = (attack for cell in outcome.cells for attack in cell.attack)
    drawn = (curve.attack for curve in outcome.curves if not curve.is_worst_case)
    return tuple(dict.fromkeys((*cells, *(strip.attack for strip in outcome.strips), *drawn)))


def words(name: str) -> str:
    """A finding's or a metric's name as words: ``transfer_beats_white_box`` → ``transfer beats white-box``."""
    return (
        name.replace("_", " ")
        .replace("white box", "white-box")
        .replace("one step", "one-step")
        .replace("non finite", "non-finite")
    )
