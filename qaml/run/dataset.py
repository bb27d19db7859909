"""Datasets of this process, loaded once, and the test examples that are attacked and scored."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from qaml.data.base import DatasetPart, load
from qaml.types import Data, Split

if TYPE_CHECKING:
    from qaml.vocab import Order


@lru_cache(maxsize=4)
def loaded(part: DatasetPart) -> Data:
    """The dataset after its transforms."""
    return load(part)


def evaluated(test: Split, count: int | None, order: Order) -> Split:
    """The test examples that are attacked and scored; fewer are the beginning of more.

    Args:
        test: a dataset's test split.
        count: how many, or all of them.
        order: ``shuffled`` with the class shares kept, since files are rarely in random order, or as in the ``file``.
    """
    if order == "file":
        return Split(test.inputs[:count], test.labels[:count], test.indices[:count])
    from qaml.data.stratified import stratified_order, take

    return take(test, stratified_order(test.labels, test.indices, count))
