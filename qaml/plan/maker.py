"""The maker of a suite's steps, which plans use for all kinds of steps."""

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
"""Largest number of steps of a plan; three whole papers need 5,000."""


class Machine(NamedTuple):
    """The machine that the steps will run on.

    Attributes:
        device: ``cpu`` or ``cuda``; results of different device classes are different steps.
        hardware: name of the processor, if results of different processors are different steps, too; else empty.
    """

    device: str = "cpu"
    hardware: str = ""


class StepMaker:
    """Makes each step of one suite once.

    Args:
        suite: the suite that the steps belong to.
        steps: steps of the whole plan, by key; the maker adds its own.
        machine: the machine that the steps will run on.
        more_images: number of test images that are attacked and scored beyond those that the suite asks for.
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
        """Make a step and add it to the plan.

        Args:
            kind: the kind of step, which determines the code that runs.
            title: title for people.
            payload: parts and numbers that the step's code reads.
            parents: role → step whose artefact it reads.
            parts: parts whose code runs in the step.
            size: work of the step as a multiple of what is usual for its kind.

        Raises:
            RunError: the plan has ``MAX_STEPS`` steps.
        """
        cost = KINDS[kind].cost * size
        made = make_step(kind, title, payload, parents, _code(kind, parts), cost, *self._machine)
        if made.key not in self.steps:
            self.check_room()
        return self.steps.setdefault(made.key, made)

    def check_room(self) -> None:
        """Refuse to continue if the numbers in a file would make an endless plan.

        Raises:
            RunError: the plan has ``MAX_STEPS`` steps.
        """
        if len(self.steps) >= MAX_STEPS:
            raise RunError(
                f"the plan has more than {MAX_STEPS:,} steps", "ask for fewer seeds, models, attacks or claims"
            )

    def n_attacked(self, *limits: int | None) -> int | None:
        """Number of test images that are attacked and scored; ``None`` for all."""
        smallest = min_images(self.suite.evaluation.n_images, *limits)
        return None if smallest is None else smallest + self._more_images

    def n_diagnosed(self, *limits: int | None) -> int | None:
        """Number of test images that diagnostics use; ``None`` for all."""
        return min_images(self.suite.diagnostics.images, self.suite.evaluation.n_images, *limits)


def min_images(*limits: int | None) -> int | None:
    """The smallest limit that is set; ``None`` if none is."""
    return min((limit for limit in limits if limit is not None), default=None)


@contextmanager
def named(what: str) -> Iterator[None]:
    """Turn exceptions of foreign parts, or of their sources, during planning into errors that name them.

    Raises:
        QamlError: the block raised an exception; the message says what cannot be planned, and why.
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
    """The error for a part or a claim whose planning raises an unexpected exception."""
    return RunError(f"{what} cannot be planned: {error_in_words(error)}")


def _code(kind: StepKind, parts: Iterable[Part]) -> Digest:
    """The digest of the step's own code and that of its parts."""
    chosen = list(parts)
    own = {type(part).__module__ for part in chosen}
    modules = {KINDS[kind].module, *own, *(module for part in chosen for module in part.source_modules)}
    return digest(modules, {name for part in chosen for name in part.what_it_reads})
