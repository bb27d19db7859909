"""Makes the steps of one suite: what all kinds of them have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from qaml.containment import error_in_words
from qaml.errors import QamlError, RunError
from qaml.plan.digest import Digest, digest
from qaml.plan.kinds import KINDS, StepKind
from qaml.plan.role import Role
from qaml.plan.step import Step, make_step
from qaml.registry import Part
from qaml.spec.suite import Suite

MAX_STEPS = 30_000
"""Most steps of a plan; three whole papers need 5,000."""


class Machine(NamedTuple):
    """Where the steps will run.

    Attributes:
        device: ``cpu`` or ``cuda``; results of different device classes are different steps.
        hardware: a name of the processor, where results of different processors are different steps, too.
    """

    device: str = "cpu"
    hardware: str = ""


class StepMaker:
    """Makes each step of one suite once.

    Args:
        suite: what the steps are of.
        steps: steps of the whole plan, by key; those made here are added.
        machine: where they will run.
        more_images: test images that are attacked and scored beyond those that the suite asks for.
    """

    def __init__(self, suite: Suite, steps: dict[str, Step], machine: Machine, more_images: int) -> None:
        self.suite = suite
        self.steps = steps
        self._machine = machine
        self._more_images = more_images

    def make(
        self,
        kind: StepKind,
        title: str,
        payload: Mapping[str, Any],
        parents: Mapping[Role, Step],
        parts: Iterable[Part] = (),
        *,
        size: float = 1.0,
    ) -> Step:
        """The step, which is in the plan from now on.

        Args:
            kind: which code runs.
            title: for people.
            payload: for the code that runs.
            parents: the steps whose artefacts it reads.
            parts: parts whose code runs, too.
            size: how many times the work that is usual for its kind.

        Raises:
            RunError: the plan is as long as it may be.
        """
        cost = KINDS[kind].cost * size
        made = make_step(kind, title, payload, parents, _code(kind, parts), cost, *self._machine)
        if made.key not in self.steps:
            self.check_room()
        return self.steps.setdefault(made.key, made)

    def check_room(self) -> None:
        """Refuse to continue where the numbers in a file would make an endless plan.

        Raises:
            RunError: the plan is as long as it may be.
        """
        if len(self.steps) >= MAX_STEPS:
            raise RunError(
                f"the plan has more than {MAX_STEPS:,} steps", "ask for fewer seeds, models, attacks or claims"
            )

    def n_attacked(self, *limits: int | None) -> int | None:
        """How many test images are attacked and scored; None for all."""
        smallest = min_images(self.suite.evaluation.images, *limits)
        return None if smallest is None else smallest + self._more_images

    def n_diagnosed(self, *limits: int | None) -> int | None:
        """How many test images diagnostics look at."""
        return min_images(self.suite.diagnostics.images, self.suite.evaluation.images, *limits)


def min_images(*limits: int | None) -> int | None:
    """The smallest limit that is set."""
    return min((limit for limit in limits if limit is not None), default=None)


@contextmanager
def named(what: str) -> Iterator[None]:
    """Turn exceptions of foreign parts, or of their sources, during planning into errors that name them.

    Raises:
        QamlError: it says what cannot be planned, and why.
    """
    try:
        yield
    except QamlError as error:
        raise RunError(f"{what}: {error.message}", error.hint) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise unplannable(what, error) from error


def unplannable(what: str, error: BaseException) -> RunError:
    """The error of something that fails while it is planned."""
    return RunError(f"{what} cannot be planned: {error_in_words(error)}")


def _code(kind: StepKind, parts: Iterable[Part]) -> Digest:
    """The step's own code and that of its parts."""
    chosen = list(parts)
    own = {type(part).__module__ for part in chosen}
    modules = {KINDS[kind].module, *own, *(module for part in chosen for module in part.source_modules)}
    return digest(modules, {name for part in chosen for name in part.what_it_reads})
