"""Ships against trucks: two classes of CIFAR-10, from the official files or from a copy decoded from JPEGs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from qaml.data.base import DatasetPart
from qaml.data.folder import DATA_VARIABLE, data_folder
from qaml.data.pinned_file import find
from qaml.data.record_file import IMAGE_SHAPE, RecordFile
from qaml.errors import DataError
from qaml.types import Bounds, Data, InputInfo, Split

SHIP = 8
TRUCK = 9


class Source(NamedTuple):
    """Where the images come from.

    Attributes:
        folder_name: name of the folder below the data folder.
        train: names of the files of training records, in order.
        test: names of the files of test records, in order.
        obtain: where a user gets the files, for the hint about missing ones.
        caveat: what a reader of the numbers must know; empty for the official images.
    """

    folder_name: str
    train: tuple[RecordFile, ...]
    test: tuple[RecordFile, ...]
    obtain: str
    caveat: str = ""


# The archive's authors publish its sum alone (MD5 c32a1d4ab5d03f1284b67883e8d87530). These are the sums of its files
# that torchvision-ruby pins; that of the test file is pinned by others, too.
OFFICIAL = Source(
    "cifar-10-batches-bin",
    (
        RecordFile("data_batch_1.bin", 10_000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        RecordFile("data_batch_2.bin", 10_000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        RecordFile("data_batch_3.bin", 10_000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        RecordFile("data_batch_4.bin", 10_000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        RecordFile("data_batch_5.bin", 10_000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    ),
    (RecordFile("test_batch.bin", 10_000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),),
    "unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
)
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
        return {file.name: file.sha256 for file in (*self._declared.train, *self._declared.test)}

    @property
    def caveat(self) -> str:
        """The warning that the JPEG copy differs from the official images; empty for these."""
        return self._declared.caveat

    def read(self) -> Data:
        """Ships and trucks in the order of the files; ``indices`` count all records of a split's files.

        Raises:
            DataError: a file is missing or damaged; nothing is downloaded.
        """
        folder = data_folder(self._declared.folder_name)
        missing = [name for name in self.checksums() if find(name, folder) is None]
        if missing:
            raise DataError(
                f"cifar2 (source {self.source}): {', '.join(missing)} not in {folder}",
                f"put {', '.join(self.checksums())} (plain or .gz) into {folder}, or set {DATA_VARIABLE} to the folder "
                f"that holds {self._declared.folder_name}/; {self._declared.obtain}",
            )
        train, test = (_split(files, folder) for files in (self._declared.train, self._declared.test))
        return Data(train, test, self.describe())

    @property
    def _declared(self) -> Source:
        return self.sources[self.source]


def _split(files: Sequence[RecordFile], folder: Path) -> Split:
    import numpy as np

    inputs, labels, indices = [], [], []
    n_before = 0
    for file in files:
        path = find(file.name, folder)
        records = file.read(path if path is not None else folder / file.name)
        chosen = np.flatnonzero((records.labels == SHIP) | (records.labels == TRUCK))
        inputs.append(records.images[chosen].astype(np.float32) / np.float32(255))
        labels.append(records.labels[chosen].astype(np.int64) - SHIP)
        indices.append(chosen + n_before)
        n_before += file.n_records
    return Split(np.concatenate(inputs), np.concatenate(labels), np.concatenate(indices))
