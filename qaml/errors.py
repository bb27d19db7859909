"""The error tree: messages for users, with a hint; never a traceback for a user's mistake."""

from collections.abc import Sequence
from typing import NamedTuple

from qaml.text import clean


class QamlError(Exception):
    """Base of every error that is addressed to a user.

    Args:
        message: what was wrong and what was expected, lower case, one sentence.
        hint: what to do about it, or empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The message, and the hint on a line of its own, safe to show: both may quote foreign text."""
        return clean(f"{self.message}\n  hint: {self.hint}" if self.hint else self.message)


class DataError(QamlError):
    """A dataset's files are missing, damaged, or do not fit what was asked of them."""


class PartError(QamlError):
    """A part (or the package that brings it) cannot be loaded, or was used against its capabilities."""


class Misfit(PartError):
    """A part does not fit the data because of one of its fields.

    Args:
        where: the field, as a path of keys and numbers inside the part.
        what: what was wrong there, as in a ``PartError``.
        hint: what to do about it, or empty.
    """

    def __init__(self, where: tuple[int | str, ...], what: str, hint: str = "") -> None:
        super().__init__(f"{'.'.join(map(str, where))}: {what}", hint)
        self.where = where
        self.what = what


class StoreError(QamlError):
    """The artefact store cannot be read or written."""


class RunError(QamlError):
    """A step failed for a reason that the user can act on."""


class Location(NamedTuple):
    """A place in a spec file; lines and columns count from 1."""

    file: str
    line: int
    column: int


class Problem(NamedTuple):
    """One mistake in a spec: where, which field, what, and what to do."""

    location: Location
    path: str
    message: str
    hint: str = ""
    source: str = ""

    def render(self) -> str:
        """The mistake as a compiler would print it: file, line, what was expected."""
        file, line, column = self.location
        head = f"{file}:{line}:{column}: " + (f"{self.path}: " if self.path else "") + self.message
        quoted = f"\n{line:6d} | {self.source}" if self.source else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return head + quoted + hint


class SpecError(QamlError):
    """All mistakes of one spec file, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: p.location))
        super().__init__("\n".join(p.render() for p in self.problems))
