"""What is found about a model by itself, whatever attacks it, and the cells that it voids, clean ones included."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from qaml.claims.base import Cell, MetricName
from qaml.claims.cells import OF_TRAINING
from qaml.findings import FINDINGS
from qaml.judge.findings.answers import diverged, unanswered_attacked, unanswered_clean
from qaml.judge.findings.budgets import outside_budget
from qaml.judge.findings.chance import at_chance
from qaml.judge.findings.memory import seen_in_training
from qaml.judge.findings.repetition import answers_differ
from qaml.judge.resolve import Resolver
from qaml.judge.source import DataSource
from qaml.outcome.outcome import Finding

Pair = tuple[str, str]
"""A model and an attack."""


class Standing(NamedTuple):
    """Findings that hold whatever the protocol: they are about answers, not about how well somebody searched.

    Attributes:
        of_models: by model.
        of_pairs: by model and attack.
        failed: attacks that were found to fail on the model that they are made on: what a detector hears of their
            adversarials says nothing of those of an attack that works.
    """

    of_models: Mapping[str, tuple[Finding, ...]]
    of_pairs: Mapping[Pair, tuple[Finding, ...]]
    failed: frozenset[Pair] = frozenset()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, each once."""
        every = (*self.of_models.values(), *self.of_pairs.values())
        return tuple(dict.fromkeys(finding for found in every for finding in found))

    def voids(self, cell: Cell) -> bool:
        """Whether a cell says nothing."""
        if cell.metric in OF_TRAINING:
            return False
        return self.is_void(cell.model, cell.attack, cell.metric)

    def is_void(self, model: str, attacks: Sequence[str], metric: MetricName | None = None) -> bool:
        """Whether a model's answers, clean and under these attacks, say nothing, or a metric of them."""
        found = [*self.of_models.get(model, ())]
        found += [finding for attack in attacks for finding in self.of_pairs.get((model, attack), ())]
        return any(finding.severity == "void" and FINDINGS[finding.name].is_about(metric) for finding in found)


NOTHING_KNOWN = Standing({}, {})


def standing(
    models: Iterable[str], pairs: Iterable[Pair], resolver: Resolver, divided: Collection[str] = ()
) -> Standing:
    """Look at models and at what is made on them.

    Args:
        models: that a claim asks for answers.
        pairs: models under attacks that it asks for.
        resolver: of the claim's evidence.
        divided: the models whose clean accuracy it divides by.
    """
    return Standing(
        {model: tuple(_of_model(model, resolver, model in divided)) for model in dict.fromkeys(models)},
        {pair: tuple(_of_pair(*pair, resolver)) for pair in dict.fromkeys(pairs)},
    )


def _of_model(model: str, resolver: Resolver, is_divided: bool) -> Iterator[Finding]:
    clean = resolver.clean(model)
    yield from unanswered_clean(model, clean)
    yield from answers_differ(model, None, clean.asked)
    yield from at_chance(model, clean, is_divided)
    if isinstance(resolver.source, DataSource):
        yield from seen_in_training(model, resolver.source.repeats(model))
    yield from diverged(model, resolver.source.history(model))


def _of_pair(model: str, attack: str, resolver: Resolver) -> Iterator[Finding]:
    traits, attacked = resolver.source.traits(attack), resolver.attacked(model, attack)
    yield from unanswered_attacked(model, traits, attacked)
    yield from answers_differ(model, attack, attacked.asked)
    yield from outside_budget(model, traits, attacked)
