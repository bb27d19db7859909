"""Whether the code that a suite names can be found: functions and classes of Python modules that its user trusts."""

from __future__ import annotations

from collections.abc import Iterator

from qaml.containment import Escaped, contained
from qaml.errors import PartError, Problem, SpecError
from qaml.registry import Part
from qaml.spec.load import places
from qaml.spec.nodes import Path
from qaml.spec.suite import Suite


def check_code(suite: Suite) -> None:
    """Import what the suite's parts name, where it is trusted, and look it up; nothing is called.

    Raises:
        SpecError: something is not trusted, cannot be imported or does not exist; every such place is named.
    """
    if problems := missing_code(suite):
        raise SpecError(problems)


def missing_code(suite: Suite) -> tuple[Problem, ...]:
    """Every place in the suite's file that names code which is not trusted, cannot be imported or does not exist."""
    found = [(path, error) for path, part in _parts(suite) if (error := _refusal(part)) is not None]
    if not found:
        return ()
    document, problems = places(suite)
    for path, error in found:
        where = (*path, "factory") if document.at(path).child("factory") is not None else path
        problems.value(document.at(where), where, error.message, error.hint)
    try:
        problems.raise_any()
    except SpecError as error:
        return error.problems
    return ()


def _parts(suite: Suite) -> Iterator[tuple[Path, Part]]:
    """The parts that a suite names, each at its place; a derived model has its part from another one."""
    yield from ((("datasets", name), part) for name, part in suite.datasets.items())
    yield from ((("models", name), entry.part) for name, entry in suite.models.items() if not entry.derived_from)
    yield from ((("attacks", name), part) for name, part in suite.attacks.items())


def _refusal(part: Part) -> PartError | None:
    try:
        with contained():
            part.find_code()
    except Escaped as error:
        cause = error.__cause__
        return cause if isinstance(cause, PartError) else PartError(f"the code of {part.kind!r} fails: {error}")
    return None
