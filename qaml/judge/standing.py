"""What is found about a model by itself, whatever attacks it, and the cells that it voids, clean ones included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from qaml.claims.base import Cell
from qaml.claims.cells import OF_TRAINING
from qaml.judge.findings.answers import diverged, unanswered_attacked, unanswered_clean
from qaml.judge.outcome import Finding
from qaml.judge.resolve import Resolver

Pair = tuple[str, str]
"""A model and an attack."""


class Standing(NamedTuple):
    """Findings that hold whatever the protocol: they are about answers, not about how well somebody searched.

    Attributes:
        of_models: by model.
        of_pairs: by model and attack.
    """

    of_models: Mapping[str, tuple[Finding, ...]]
    of_pairs: Mapping[Pair, tuple[Finding, ...]]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, each once."""
        every = (*self.of_models.values(), *self.of_pairs.values())
        return tuple(dict.fromkeys(finding for found in every for finding in found))

    def voids(self, cell: Cell) -> bool:
        """Whether a cell says nothing."""
        if cell.metric in OF_TRAINING:
            return False
        return self.is_void(cell.model, cell.attack)

    def is_void(self, model: str, attacks: Sequence[str]) -> bool:
        """Whether a model's answers, clean and under these attacks, say nothing."""
        found = [*self.of_models.get(model, ())]
        found += [finding for attack in attacks for finding in self.of_pairs.get((model, attack), ())]
        return any(finding.severity == "void" for finding in found)


NOTHING_KNOWN = Standing({}, {})


def standing(models: Iterable[str], pairs: Iterable[Pair], resolver: Resolver) -> Standing:
    """Look at models and at what is made on them.

    Args:
        models: that a claim asks for answers.
        pairs: models under attacks that it asks for.
        resolver: of the claim's evidence.
    """
    traits = resolver.source.traits
    return Standing(
        {model: tuple(_of_model(model, resolver)) for model in dict.fromkeys(models)},
        {
            pair: tuple(unanswered_attacked(pair[0], traits(pair[1]), resolver.attacked(*pair)))
            for pair in dict.fromkeys(pairs)
        },
    )


def _of_model(model: str, resolver: Resolver) -> list[Finding]:
    clean = [*unanswered_clean(model, resolver.clean(model))]
    return [*clean, *diverged(model, resolver.source.history(model))]
