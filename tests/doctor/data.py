"""A dataset of one's own: the digits, with a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from qaml.data.base import DatasetPart
from qaml.data.digits import Digits
from qaml.errors import DataError
from qaml.types import AnyArray, Bounds, Data, InputInfo, Split

Splits = tuple[Split, Split]

Mistake = Literal[
    "none",
    "missing",
    "raising",
    "nan",
    "bytes",
    "tiny",
    "channels_last",
    "class_missing",
    "from_one",
    "shuffled",
    "shuffled_test",
    "repeated",
    "few_repeated",
    "imbalanced",
    "changing",
]


class Mistaken(DatasetPart):
    """Digits with a mistake."""

    kind: Literal["mistaken"] = "mistaken"
    mistake: Mistake = "none"
    """The mistake."""

    def describe(self) -> InputInfo:
        info = Digits().describe()
        return info._replace(bounds=Bounds(0.0, 255.0)) if self.mistake == "tiny" else info

    def checksums(self) -> Mapping[str, str]:
        return {"digits": self.mistake}

    def read(self) -> Data:
        data = Digits().read()
        train, test = (Split(each.inputs.copy(), each.labels.copy(), each.indices) for each in (data.train, data.test))
        change = getattr(self, f"_{self.mistake}", None)
        if change is not None:
            train, test = change(train, test)
        return Data(train, test, self.describe())

    def _missing(self, *_: Split) -> Splits:
        raise DataError("no file digits.npz", "put it there")

    def _raising(self, *_: Split) -> Splits:
        raise KeyError("images")

    def _nan(self, train: Split, test: Split) -> Splits:
        train.inputs[3, 0, 0, 0] = np.nan
        return train, test

    def _bytes(self, train: Split, test: Split) -> Splits:
        return with_inputs(train, train.inputs * 255), with_inputs(test, test.inputs * 255)

    def _channels_last(self, train: Split, test: Split) -> Splits:
        return with_inputs(train, np.moveaxis(train.inputs, 1, -1)), with_inputs(test, np.moveaxis(test.inputs, 1, -1))

    def _class_missing(self, train: Split, test: Split) -> Splits:
        train.labels[train.labels == 3] = 4
        return train, test

    def _from_one(self, train: Split, test: Split) -> Splits:
        return with_labels(train, train.labels + 1), with_labels(test, test.labels + 1)

    def _shuffled(self, train: Split, test: Split) -> Splits:
        rng = np.random.default_rng(0)
        return with_labels(train, rng.permutation(train.labels)), with_labels(test, rng.permutation(test.labels))

    def _shuffled_test(self, train: Split, test: Split) -> Splits:
        return train, with_labels(test, np.random.default_rng(0).permutation(test.labels))

    def _repeated(self, train: Split, test: Split) -> Splits:
        test.inputs[:50], test.labels[:50] = train.inputs[:50], train.labels[:50]
        return train, test

    def _few_repeated(self, train: Split, test: Split) -> Splits:
        test.inputs[0], test.labels[0] = train.inputs[0], train.labels[0]
        return train, test

    def _imbalanced(self, train: Split, test: Split) -> Splits:
        kept = np.flatnonzero((test.labels == 0) | (np.arange(len(test)) % 20 == 0))
        kept = np.union1d(kept, [int(np.argmax(test.labels == k)) for k in range(10)])
        return train, Split(test.inputs[kept], test.labels[kept], test.indices[kept])

    def _changing(self, train: Split, test: Split) -> Splits:
        train.inputs[0, 0, 0, 0] = np.random.default_rng().uniform()
        return train, test


def with_inputs(split: Split, inputs: AnyArray) -> Split:
    return Split(inputs, split.labels, split.indices)


def with_labels(split: Split, labels: AnyArray) -> Split:
    return Split(split.inputs, labels, split.indices)
