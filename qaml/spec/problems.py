"""A collection of every mistake of one file, so that a user sees all of them at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from qaml.errors import Location, Problem, SpecError
from qaml.spec.limits import MAX_PROBLEMS
from qaml.spec.nodes import Located, Mark, Path, dotted

_LONGEST = 40
_MOST_NAMES = 200
"""Most names with which a word is compared, and which are listed."""


class Problems:
    """The mistakes found so far in one file.

    Args:
        file: name of the file in messages.
        lines: lines of the file, for quotations.
    """

    def __init__(self, file: str, lines: Sequence[str]) -> None:
        self.file = file
        self._lines = lines
        self._found: dict[tuple[Mark, str, str], Problem] = {}
        self._unreadable: set[Mark] = set()

    def __bool__(self) -> bool:
        """Whether any mistake was noted."""
        return bool(self._found)

    def add(self, mark: Mark, path: Path | str, message: str, hint: str = "") -> None:
        """Note a mistake; the same one at the same place (of expanded or extending entries) is noted once.

        Raises:
            SpecError: there are too many mistakes to read.
        """
        if mark in self._unreadable:
            return
        source = self._lines[mark.line - 1].rstrip()[:200] if 0 < mark.line <= len(self._lines) else ""
        words = path if isinstance(path, str) else dotted(path)
        field = words.rpartition(".")[2]
        problem = Problem(Location(self.file, *mark), words, message, hint, source)
        self._found.setdefault((mark, field, message), problem)
        if len(self._found) >= MAX_PROBLEMS:
            self.raise_too_many()

    def take_over(self, others: Problems) -> None:
        """Note the mistakes that another collection holds about the same text.

        Raises:
            SpecError: there are too many mistakes to read.
        """
        for noted, problem in others._found.items():
            location = problem.location._replace(file=self.file)
            self._found.setdefault(noted, problem._replace(location=location))
        self._unreadable |= others._unreadable
        if len(self._found) >= MAX_PROBLEMS:
            self.raise_too_many()

    def line(self, number: int) -> str:
        """A line of the file, counted from 1; empty beyond its end."""
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def key(self, node: Located, path: Path, message: str, hint: str = "") -> None:
        """Note a mistake about a key."""
        self.add(node.key_mark, path, message, hint)

    def value(self, node: Located, path: Path, message: str, hint: str = "") -> None:
        """Note a mistake about a value."""
        self.add(node.mark, path, message, hint)

    def unreadable(self, mark: Mark, path: Path, message: str, hint: str = "") -> None:
        """Note a value that cannot be read; further mistakes about its placeholder are ignored."""
        self.add(mark, path, message, hint)
        self._unreadable.add(mark)

    def missing(self, node: Located, path: Path, message: str = "required field is missing", hint: str = "") -> None:
        """Note that a mapping lacks a field."""
        self.add(node.first_mark, path, message, hint)

    def raise_too_many(self) -> None:
        """Stop with the mistakes so far, because more would not be read.

        Raises:
            SpecError: always; it names the mistakes so far and says that there may be more.
        """
        last = Problem(Location(self.file, 1, 1), "", f"the first {MAX_PROBLEMS:,} mistakes; there may be more")
        raise SpecError((last, *self._found.values()))

    def raise_any(self) -> None:
        """Stop if any mistake was noted.

        Raises:
            SpecError: any mistake was noted; the error names all of them in file order.
        """
        if self._found:
            raise SpecError(tuple(self._found.values()))


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` for a word close to a known one, else empty."""
    close = difflib.get_close_matches(str(word)[:_LONGEST], list(known)[:_MOST_NAMES], 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def suggest(word: object, known: Iterable[str], what: str) -> str:
    """A hint for an unknown word: the closest known word, and all known ones."""
    names = list(known)
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    listed = f"{what}: {', '.join(names[:_MOST_NAMES]) or 'none'}{more}"
    return " ".join(filter(None, (did_you_mean(word, names), listed)))


def shown(value: Any) -> str:
    """A value as it would be written in YAML, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]}…{text[-1]}"


def either(choices: Sequence[str]) -> str:
    """The words as alternatives: ``a``, ``a or b``, ``a, b or c``."""
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
