"""Models and attacks of a suite, each of which has a page that names on other pages link to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from qaml.outcome.outcome import Outcome
from qaml.report.text.marks import attacks_of, models_of
from qaml.report.text.width import file_name

Kind = Literal["model", "attack"]


class Subject(NamedTuple):
    """A model or an attack; names belong to a suite."""

    kind: Kind
    suite: str
    name: str

    @property
    def page(self) -> str:
        """Path of the page relative to the report's folder."""
        return f"{self.kind}s/{file_name(self.suite)}/{file_name(self.name)}.html"


Known = Mapping[Subject, tuple[Outcome, ...]]
"""Subject → the claims that measure it."""


def subjects(outcomes: Iterable[Outcome]) -> Known:
    """Subjects in order of appearance; ``pgd@convnet`` is a case of ``pgd``."""
    found: dict[Subject, list[Outcome]] = {}
    for outcome in outcomes:
        models = [Subject("model", outcome.suite, name) for name in models_of(outcome)]
        attacks = [Subject("attack", outcome.suite, base_name(name)) for name in attacks_of(outcome)]
        for subject in dict.fromkeys((*models, *attacks)):
            found.setdefault(subject, []).append(outcome)
    return {subject: tuple(claims) for subject, claims in found.items()}


def base_name(attack: str) -> str:
    """The attack of ``attack@model``."""
    return attack.partition("@")[0]


class Links(NamedTuple):
    """Addresses of links on one page; empty if there is no page to link to."""

    root: str
    """Address of the report's folder: ``../../``, or empty on a page in the folder itself."""
    known: Known
    terms: frozenset[str]
    """Anchors of the glossary."""

    def model(self, suite: str, name: str) -> str:
        """The address of a model's page."""
        return self._to(Subject("model", suite, name))

    def attack(self, suite: str, name: str) -> str:
        """The address of an attack's page."""
        return self._to(Subject("attack", suite, base_name(name)))

    def term(self, anchor: str) -> str:
        """The address of an entry of the glossary."""
        return f"{self.root}glossary.html#{anchor}" if anchor in self.terms else ""

    def _to(self, subject: Subject) -> str:
        return self.root + subject.page if subject in self.known else ""
