"""The finding about cells that nobody searched."""

from __future__ import annotations

from collections.abc import Iterator

from qaml.judge.findings.check import OfAttack, Raised
from qaml.judge.findings.cures import A_SEARCH
from qaml.judge.findings.subject import Subject


def _no_search(subject: Subject) -> Iterator[Raised]:
    if not subject.traits.is_search:
        yield Raised(f"{subject.traits.name} draws perturbations at random")


CHECKS = (OfAttack("no_search", lambda _: True, _no_search, (A_SEARCH,)),)
