"""The kinds of steps: the module that executes each, and its cost.

A kind is declared only here. Its module has ``execute(job)``; as judging is a step, one of the modules is in a higher
layer than this one.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

OfWork = Literal["load", "embed", "train", "attack", "ask", "evaluate", "measure", "judge"]
OfDoubt = Literal["surrogate", "diagnose", "plant", "exact", "nearer", "inspect"]
OfDrawing = Literal["picture", "portrait"]
StepKind = OfWork | OfDoubt | OfDrawing
"""Groups of kinds: steps for results, steps that check the results, and steps that only draw for the report."""


class Kind(NamedTuple):
    """The common properties of the steps of one kind.

    Attributes:
        module: name of the module whose ``execute(job)`` runs.
        cost: expected seconds of a step of usual size.
        is_courtesy: whether it only draws something for the report: verdicts are the same without it.
    """

    module: str
    cost: float
    is_courtesy: bool = False


KINDS: dict[StepKind, Kind] = {
    "load": Kind("qaml.run.steps.load", 2.0),
    "train": Kind("qaml.run.steps.train", 2.0),
    "attack": Kind("qaml.run.steps.attack", 4.0),
    "ask": Kind("qaml.run.steps.ask", 60.0),
    "evaluate": Kind("qaml.run.steps.evaluate", 1.0),
    "measure": Kind("qaml.run.steps.measure", 20.0),
    "surrogate": Kind("qaml.run.steps.surrogate", 2.0),
    "diagnose": Kind("qaml.run.steps.diagnose", 8.0),
    "plant": Kind("qaml.run.steps.plant", 2.0),
    "exact": Kind("qaml.run.steps.exact", 8.0),
    "nearer": Kind("qaml.run.steps.nearer", 8.0),
    "picture": Kind("qaml.run.steps.picture", 0.5, is_courtesy=True),
    "portrait": Kind("qaml.run.steps.portrait", 0.5, is_courtesy=True),
    "embed": Kind("qaml.run.steps.embed", 2.0),
    "inspect": Kind("qaml.run.steps.inspect", 30.0),
    "judge": Kind("qaml.judge.step", 0.2),
}
