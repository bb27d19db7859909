"""Ships against trucks: two classes of CIFAR-10, from the official files or from a copy decoded from JPEGs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from qaml.data.base import DatasetPart
from qaml.data.cifar_files import OFFICIAL, Source
from qaml.data.record_file import IMAGE_SHAPE, RecordFile, Records
from qaml.types import Bounds, Data, InputInfo, Split

SHIP = 8
TRUCK = 9


JPEG_COPY = Source(
    "cifar2",
    (RecordFile("data_batch.bin", 10_000, "76af2dcdf15ae68a4416468166f5c13de4f9b59a22a50b48535ec60694f7fba7"),),
    (RecordFile("test_batch.bin", 2_000, "42ed7f6da2c3fe13af3bd15a6d7a6630218027b0e9f975e39e934f332f9bad6b"),),
    "this copy is not published; 'source: cifar10' takes the official images",
    "pixels decoded from a lossy JPEG copy of CIFAR-10: accuracies are not comparable with published ones",
)


class Cifar2(DatasetPart):
    """Colour photographs of ships and trucks, 32×32, 10,000 for training and 2,000 for testing (Krizhevsky 2009)."""

    kind: Literal["cifar2"] = "cifar2"
    source: Literal["cifar10", "jpeg_copy"] = "jpeg_copy"
    """``cifar10``: the official binary files; ``jpeg_copy``: the same photographs decoded from lossy JPEGs (root mean
    square error of a pixel 6 to 11 of 255), so that accuracies are not comparable with published ones."""

    needs_files: ClassVar[bool] = True
    sources: ClassVar[Mapping[str, Source]] = {"cifar10": OFFICIAL, "jpeg_copy": JPEG_COPY}

    def describe(self) -> InputInfo:
        """Inputs of shape (3, 32, 32) in [0, 1]; ship is class 0, truck class 1."""
        return InputInfo(IMAGE_SHAPE, ("ship", "truck"), Bounds(0.0, 1.0))

    def checksums(self) -> Mapping[str, str]:
        """File → SHA-256 of its uncompressed bytes."""
        return {file.name: file.sha256 for file in self._declared.files}

    @property
    def caveat(self) -> str:
        """The warning that the JPEG copy differs from the official images; empty for these."""
        return self._declared.caveat

    def read(self) -> Data:
        """Ships and trucks in the order of the files; ``indices`` count all records of a split's files.

        Raises:
            DataError: a file is damaged, or missing and no mirror delivered the archive; the copy is not published.
        """
        train, test = self._declared.read(f"{self.kind} (source {self.source})")
        return Data(_split(train), _split(test), self.describe())

    @property
    def _declared(self) -> Source:
        return self.sources[self.source]


def _split(records: Records) -> Split:
    import numpy as np

    chosen = np.flatnonzero((records.labels == SHIP) | (records.labels == TRUCK))
    inputs = records.images[chosen].astype(np.float32) / np.float32(255)
    return Split(inputs, records.labels[chosen].astype(np.int64) - SHIP, chosen)
