"""A choice of examples."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from qaml.data.base import TransformPart
from qaml.errors import DataError
from qaml.types import MOST_EXAMPLES, Data, InputInfo, Split


class Subset(TransformPart):
    """Keep a random choice of examples with the class shares kept (each class within one of its share)."""

    kind: Literal["subset"] = "subset"
    train: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of training examples to keep (default: all)."""
    test: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of test examples to keep (default: all)."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the random choice."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.train is None and self.test is None:
            raise ValueError("expected 'train', 'test' or both: how many examples to keep")
        return self

    def describe(self, info: InputInfo) -> InputInfo:
        """The unchanged description: a choice of examples alters no input."""
        return info

    def for_testing(self) -> Self | None:
        """The same transform with its choice of test examples alone, or none without such a choice."""
        return self.model_copy(update={"train": None}) if self.test is not None else None

    def apply(self, data: Data) -> Data:
        """Choose, keeping the original order.

        Raises:
            DataError: more examples are asked for than there are.
        """
        train = self._choose(data.train, self.train, "training", 0)
        return Data(train, self._choose(data.test, self.test, "test", 1), data.info)

    def _choose(self, split: Split, count: int | None, name: str, stream: int) -> Split:
        if count is None:
            return split
        if count > len(split):
            raise DataError(
                f"subset asks for {count} {name} examples, the dataset has {len(split)}",
                f"ask for at most {len(split)}",
            )
        from qaml.data.stratified import stratified_choice, take

        return take(split, stratified_choice(split.labels, count, self.seed, stream))
