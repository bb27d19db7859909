"""Datasets of this process, loaded once."""

from functools import lru_cache

from qaml.data.base import DatasetPart, load
from qaml.types import Data, Split


@lru_cache(maxsize=4)
def loaded(part: DatasetPart) -> Data:
    """The dataset after its transforms."""
    return load(part)


def first(split: Split, count: int | None) -> Split:
    """The first examples of a split, all of them for ``None``."""
    return Split(split.inputs[:count], split.labels[:count], split.indices[:count])
