"""CIFAR-10: ten classes of small colour photographs, from the official binary files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from qaml.data.base import DatasetPart
from qaml.data.cifar_files import OFFICIAL, Source
from qaml.data.record_file import IMAGE_SHAPE, Records
from qaml.types import Bounds, Data, InputInfo, Split

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Cifar10(DatasetPart):
    """Colour photographs of ten classes, 32×32, 50,000 for training and 10,000 for testing (Krizhevsky 2009).

    The transform ``select_classes`` takes some of the classes.
    """

    kind: Literal["cifar10"] = "cifar10"

    needs_files: ClassVar[bool] = True
    source: ClassVar[Source] = OFFICIAL

    def describe(self) -> InputInfo:
        """Inputs of shape (3, 32, 32) in [0, 1]."""
        return InputInfo(IMAGE_SHAPE, CLASSES, Bounds(0.0, 1.0))

    def checksums(self) -> Mapping[str, str]:
        """File → SHA-256 of its uncompressed bytes."""
        return {file.name: file.sha256 for file in self.source.files}

    def read(self) -> Data:
        """All photographs in the order of the files, from the files, their archive, or downloaded.

        Raises:
            DataError: a file is damaged, or missing and no mirror delivered the archive.
        """
        train, test = self.source.read(self.kind)
        return Data(_split(train), _split(test), self.describe())


def _split(records: Records) -> Split:
    import numpy as np

    inputs = records.images.astype(np.float32)
    inputs /= np.float32(255)
    return Split(inputs, records.labels.astype(np.int64), np.arange(len(inputs), dtype=np.int64))
