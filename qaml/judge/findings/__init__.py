"""Validity findings, which show whether a measurement can be trusted. Each module is a family and exports its checks.

A finding is added in two places: its words in ``qaml.findings``, its check in the module of its family.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from qaml.judge.findings import (
    answers,
    bookkeeping,
    budgets,
    chance,
    comparisons,
    distances,
    gradients,
    nearer,
    sampling,
    surrogates,
    training,
)
from qaml.judge.findings.check import Check, Evidence, OfAdversarials, OfAttack, OfModel, OfRuns, OfSurrogate
from qaml.judge.findings.subject import Subject
from qaml.outcome.outcome import Finding

FAMILIES = (
    *(answers, budgets, chance, training, gradients),
    *(distances, comparisons, bookkeeping, nearer, sampling, surrogates),
)
"""Families in the order in which findings of equal severity are shown."""


CHECKS: tuple[Check[Any], ...] = tuple(check for family in FAMILIES for check in family.CHECKS)
OF_ATTACKS = {check.name: check for check in CHECKS if isinstance(check, OfAttack)}
OF_ADVERSARIALS = tuple(check for check in CHECKS if isinstance(check, OfAdversarials))
OF_MODELS = tuple(check for check in CHECKS if isinstance(check, OfModel))
OF_RUNS = tuple(check for check in CHECKS if isinstance(check, OfRuns))
OF_SURROGATES = tuple(check for check in CHECKS if isinstance(check, OfSurrogate))


def look(checks: Iterable[Check[Evidence]], evidence: Evidence) -> Iterator[Finding]:
    """The findings of these checks."""
    for check in checks:
        yield from check.look(evidence)


def findings_of(subject: Subject) -> tuple[Finding, ...]:
    """The findings about an attack on a model, void ones first; attacks by exact distances do not search."""
    found = look(OF_ATTACKS.values(), subject) if not subject.traits.is_exact else ()
    return tuple(sorted(found, key=lambda finding: finding.rank))
