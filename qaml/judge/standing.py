"""Findings about a model's answers, which hold for weak and strong attacks, and the cells that they void."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from qaml.claims.base import Cell
from qaml.findings import FINDINGS
from qaml.judge.findings import OF_ADVERSARIALS, OF_MODELS, look
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.findings.subject import Subject
from qaml.metrics.base import MetricPart
from qaml.outcome.outcome import Finding

Pair = tuple[str, str]
"""A model and an attack."""


class Standing(NamedTuple):
    """Findings that hold under every protocol: they are about answers, not about how well attacks search.

    Attributes:
        of_models: model → findings about its answers to clean images.
        of_pairs: (model, attack) → findings about the attack's adversarials.
        failed: attacks that fail on the model that they are made on; a detector's rates on their adversarials do not
            apply to those of an attack that works.
    """

    of_models: Mapping[str, tuple[Finding, ...]]
    of_pairs: Mapping[Pair, tuple[Finding, ...]]
    failed: frozenset[Pair] = frozenset()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, each once."""
        every = (*self.of_models.values(), *self.of_pairs.values())
        return tuple(dict.fromkeys(finding for found in every for finding in found))

    def voids(self, cell: Cell) -> bool:
        """Whether findings void a cell."""
        metric = cell.definition
        return not metric.is_of_training and self.is_void(cell.model, cell.attack, metric)

    def is_void(self, model: str, attacks: Sequence[str], metric: MetricPart | None = None) -> bool:
        """Whether findings void a model's answers, clean and under these attacks, or a metric of them."""
        found = [*self.of_models.get(model, ())]
        found += [finding for attack in attacks for finding in self.of_pairs.get((model, attack), ())]
        return any(finding.severity == "void" and FINDINGS[finding.name].is_about(metric) for finding in found)


NOTHING_KNOWN = Standing({}, {})


def standing(models: Iterable[ModelEvidence], subjects: Mapping[Pair, Subject]) -> Standing:
    """Check the models whose answers a claim uses, and the adversarials that are made on them."""
    return Standing(
        {evidence.model: tuple(look(OF_MODELS, evidence)) for evidence in models},
        {pair: tuple(look(OF_ADVERSARIALS, subject)) for pair, subject in subjects.items()},
    )
