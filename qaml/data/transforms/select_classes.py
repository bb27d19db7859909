"""A choice of classes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from qaml.data.base import TransformPart
from qaml.errors import DataError, PartError
from qaml.types import Data, InputInfo, IntArray, Split


class SelectClasses(TransformPart):
    """Keep the examples of some classes and relabel them 0 … k − 1 in the order given."""

    kind: Literal["select_classes"] = "select_classes"
    classes: tuple[int | str, ...] = Field(min_length=2)
    """Labels (numbers) or names of at least two classes."""

    @field_validator("classes")
    @classmethod
    def _are_distinct(cls, classes: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if len(set(classes)) < len(classes):
            raise ValueError("every class can be selected only once")
        return classes

    def describe(self, info: InputInfo) -> InputInfo:
        """The names of the selected classes, in their new order.

        Raises:
            PartError: a class is not in the dataset, or is named twice.
        """
        return info._replace(classes=tuple(info.classes[label] for label in self._labels(info)))

    def apply(self, data: Data) -> Data:
        """Drop the other classes and relabel, in the original order.

        Raises:
            DataError: a split is left without examples.
        """
        import numpy as np

        labels = self._labels(data.info)
        relabel = np.full(data.info.n_classes, -1, np.int64)
        relabel[list(labels)] = np.arange(len(labels))
        return Data(
            _select(data.train, relabel, "training"), _select(data.test, relabel, "test"), self.describe(data.info)
        )

    def _labels(self, info: InputInfo) -> tuple[int, ...]:
        labels = tuple(_label(wanted, info.classes) for wanted in self.classes)
        if len(set(labels)) < len(labels):
            raise PartError(f"select_classes names a class twice: {self.classes}", "name every class once")
        return labels


def _select(split: Split, relabel: IntArray, name: str) -> Split:
    import numpy as np

    from qaml.data.stratified import take

    kept = take(split, np.flatnonzero(relabel[split.labels] >= 0))
    if len(kept) == 0:
        raise DataError(f"select_classes leaves no {name} examples", "select before taking a subset")
    return Split(kept.inputs, relabel[kept.labels], kept.indices)


def _label(wanted: int | str, classes: tuple[str, ...]) -> int:
    if isinstance(wanted, int) and 0 <= wanted < len(classes):
        return wanted
    if isinstance(wanted, str) and wanted in classes:
        return classes.index(wanted)
    known = ", ".join(f"{label} ({name})" for label, name in enumerate(classes))
    raise PartError(f"select_classes: no class {wanted!r}", f"classes, by label or by name: {known}")
