"""Values compared by identity, as keys of caches: to hash a long tuple takes as long as some of the work behind it."""

from __future__ import annotations

from typing import Generic, TypeVar

Value = TypeVar("Value")


class Identical(Generic[Value]):
    """A value that equals itself only; as a key it keeps the value alive, so that its identity stays its own."""

    def __init__(self, value: Value) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identical) and self.value is other.value
