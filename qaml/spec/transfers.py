"""Attacks named by the model that they are made on: ``pgd@convnet`` becomes a transfer of ``pgd`` from ``convnet``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from qaml.attacks.base import AttackPart
from qaml.attacks.elsewhere import SEPARATOR, MadeElsewhere, made_on
from qaml.attacks.transfer import Transfer
from qaml.registry import references
from qaml.spec.claims import BuiltClaim
from qaml.spec.problems import suggest
from qaml.spec.suite import Suite


class Unknown(NamedTuple):
    """The unknown half of a name such as ``pgd@convnet``."""

    message: str
    hint: str


def with_transfers(suite: Suite, claims: Sequence[BuiltClaim]) -> Suite:
    """The suite with an entry for every attack that claims, tables and detectors name with a model."""
    made: dict[str, AttackPart] = {}
    for name in _names(suite, claims):
        attack, _, maker = name.rpartition(SEPARATOR)
        inner = suite.attacks.get(attack)
        if inner is not None and not isinstance(inner, MadeElsewhere) and maker in suite.models:
            made[name] = Transfer(surrogate=maker, attack=attack)
    return suite._replace(attacks={**suite.attacks, **made})


def _names(suite: Suite, claims: Sequence[BuiltClaim]) -> Iterator[str]:
    mentioning = (*(claim.entry.part for claim in claims), *suite.detectors.values())
    mentioned = [name for part in mentioning for _, table, name in references(part) if table == "attacks"]
    mentioned += [row for table in suite.reported.values() for row in table.rows]
    yield from (name for name in mentioned if SEPARATOR in name)
    for detector in suite.detectors.values():
        if detector.attacked is not None:
            yield from (made_on(name, detector.attacked) for name in detector.attacks if SEPARATOR not in name)


def unknown(name: str, known: Mapping[str, Collection[str]], attacks: Mapping[str, AttackPart]) -> Iterator[Unknown]:
    """Each half of an attack's name that is unknown.

    Args:
        name: name of an attack, such as ``pgd@convnet``.
        known: the names in the document's tables.
        attacks: the suite's attacks.
    """
    attack, _, maker = name.rpartition(SEPARATOR)
    if attack not in known["attacks"]:
        yield Unknown(f"unknown attack {attack!r} in {name!r}", suggest(attack, known["attacks"], "attacks"))
    elif isinstance(inner := attacks.get(attack), MadeElsewhere):
        message = f"attack {attack!r} in {name!r} is a {inner.words}, which names its own models"
        yield Unknown(message, f"write {attack!r}, or the attack behind it: {made_on(inner.attack, maker)!r}")
    if maker not in known["models"]:
        yield Unknown(f"unknown model {maker!r} in {name!r}", suggest(maker, known["models"], "models"))
