"""The models' colours and dashes, the same on every page.

Only the style sheet defines colours, for light and for dark; pages name them by class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from qaml.outcome.outcome import Outcomes
from qaml.report.text.marks import models_of


class Accent(NamedTuple):
    """The look of a model: the class of its colour, and a dash pattern if colours repeat."""

    look: str
    dash: str


N_COLOURS = 8
"""Number of colours: classes ``a0`` to ``a7`` of the style sheet."""
DASHES = ("", "7 3", "2 3")


def accents(outcomes: Outcomes) -> dict[str, Accent]:
    """The look of each model of a report, by name, in order of appearance; the same on every page."""
    names = dict.fromkeys(_models(outcomes))
    return {name: Accent(f"a{i % N_COLOURS}", DASHES[i // N_COLOURS % len(DASHES)]) for i, name in enumerate(names)}


def _models(outcomes: Outcomes) -> Iterator[str]:
    for outcome in outcomes.outcomes:
        yield from models_of(outcome)
    for suite in outcomes.suites:
        for table in suite.tables:
            yield from table.columns
