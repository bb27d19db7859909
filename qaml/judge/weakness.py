"""The effect of findings on a cell: a weak attack leaves the true value open on one side, a void one on both.

A weak finding limits the cell unless something cures it (``qaml.judge.findings.cures``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from qaml.claims.base import Cell
from qaml.findings import FINDINGS
from qaml.judge.findings import OF_ATTACKS
from qaml.judge.findings.cures import is_cured
from qaml.judge.findings.subject import Assessed


class Effect(NamedTuple):
    """The sides of the measured value on which the true value may be, and whether the measurement is void."""

    may_be_lower: bool = False
    may_be_higher: bool = False
    is_void: bool = False


def failed(assessed: Assessed) -> bool:
    """Whether an attack was found to fail on the model, which is more than being weaker than another."""
    return any(finding.severity == "weak" and not FINDINGS[finding.name].is_of_degree for finding in assessed.findings)


def effect_on(cell: Cell, assessed: Mapping[str, Assessed]) -> Effect:
    """The effect of the findings about the cell's attacks on the cell.

    Args:
        cell: the cell; ``as_published`` cells keep their value.
        assessed: attack name → the cell's model under it.
    """
    if cell.protocol == "as_published" or not cell.attack or cell.metric is None:
        return Effect()
    attacks = [assessed[name] for name in cell.attack]
    found = [each for one in attacks for each in one.findings if FINDINGS[each.name].is_about(cell.definition)]
    if any(finding.severity == "void" for finding in found):
        return Effect(is_void=True)
    names = {finding.name for finding in found if finding.severity == "weak"}
    is_weak = any(not is_cured(OF_ATTACKS[name], cell, attacks) for name in names)
    direction = cell.definition.direction
    return Effect(is_weak and direction == "falls", is_weak and direction == "rises", is_weak and direction == "void")
