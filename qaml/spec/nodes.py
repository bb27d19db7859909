"""A document whose values keep their positions in the file through merges, overrides and expansion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

Scalar = str | int | float | bool | None
Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Located:
    """A value of a spec, and where it was written.

    Attributes:
        value: a scalar, a mapping or a list of further nodes.
        mark: where the value starts.
        key: where its key starts, for an entry of a mapping.
        end_line: the last line that belongs to the value.
        weight: its size with aliases written out, see ``limits``.
    """

    value: Scalar | dict[str, Located] | tuple[Located, ...]
    mark: Mark
    key: Mark | None = None
    end_line: int = 0
    weight: int = 1

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a mapping."""
        return isinstance(self.value, dict)

    @property
    def entries(self) -> dict[str, Located]:
        """The children of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> tuple[Located, ...]:
        """The children of a list; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def text(self) -> str | None:
        """The value where it is a string."""
        return self.value if isinstance(self.value, str) else None

    @property
    def key_mark(self) -> Mark:
        """The position of the key, or of the value where there is no key."""
        return self.key or self.mark

    @property
    def first_mark(self) -> Mark:
        """The position of a mapping's first key, where a missing field is reported; otherwise that of the value."""
        return next((child.key_mark for child in self.entries.values()), self.mark)

    def child(self, step: str | int) -> Located | None:
        """The entry or item of this name or number, if it exists."""
        if isinstance(step, str):
            return self.entries.get(step)
        items = self.items
        return items[step] if 0 <= step < len(items) else None

    def at(self, path: Path) -> Located:
        """The node at the end of a path, or the last existing one on it."""
        node = self
        for step in path:
            child = node.child(step)
            if child is None:
                break
            node = child
        return node

    def plain(self) -> Any:
        """The value as ordinary dictionaries, lists and scalars."""
        if isinstance(self.value, dict):
            return {name: child.plain() for name, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value

    def with_entries(self, entries: dict[str, Located]) -> Located:
        """The same place in the file with other entries."""
        return Located(entries, self.mark, self.key, self.end_line, weigh(entries.values()))

    def without(self, *names: str) -> Located:
        """A mapping less some of its entries."""
        return self.with_entries({name: child for name, child in self.entries.items() if name not in names})


def weigh(children: Iterable[Located]) -> int:
    """The weight of a container: one, and its children's."""
    return 1 + sum(child.weight for child in children)


def mapping(entries: dict[str, Located], mark: Mark) -> Located:
    """A mapping without a position of its own in the file."""
    return Located(entries, mark, weight=weigh(entries.values()))


def dotted(path: Path) -> str:
    """A path as people read it: ``datasets.mnist7.transforms[0].size``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
