"""The files of CIFAR-10's binary version: one by one, or in their archive, from a folder or downloaded into it."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from qaml.data.folder import DATA_VARIABLE, MIRROR_VARIABLE, data_folder
from qaml.data.pinned_file import DamagedFileError, find, first_file
from qaml.data.record_file import RESTORE, RecordFile, Records
from qaml.errors import DataError
from qaml.files.regular import digest_regular, open_regular

MIRRORS = ("https://www.cs.toronto.edu/~kriz",)


class Archive(NamedTuple):
    """A packed archive, whose bytes are the same everywhere.

    Attributes:
        name: file name.
        size: size, in bytes.
        sha256: checksum of the archive.
    """

    name: str
    size: int
    sha256: str

    @property
    def packed_name(self) -> str:
        """The name that mirrors give it, and that it keeps."""
        return self.name

    @property
    def most_bytes(self) -> int:
        """Largest size of a download, in bytes."""
        return self.size

    def find(self, folder: Path) -> Path | None:
        """The archive in a folder or beside it, if it is there."""
        return first_file((folder / self.name, folder.parent / self.name))

    def content(self, path: Path) -> None:
        """Verify the archive.

        Raises:
            DataError: it cannot be read, is damaged, or is another one.
        """
        try:
            found = digest_regular(path, self.size)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}", RESTORE) from error
        if found != self.sha256:
            raise DamagedFileError(path, f"wrong checksum: expected SHA-256 {self.sha256}, got {found}", RESTORE)

    def members(self, path: Path, sizes: Mapping[str, int]) -> dict[str, bytes]:
        """The contents of files in the archive, which is verified first, so that it is none made to do harm.

        Args:
            path: path of the archive.
            sizes: name of each file, in any folder → its size, in bytes; one more byte at most is read.

        Raises:
            DataError: the archive is another one.
        """
        self.content(path)
        with open_regular(path) as packed, tarfile.open(fileobj=packed, mode="r:gz") as archive:
            return dict(_chosen(archive, sizes))


class Source(NamedTuple):
    """Where the images come from.

    Attributes:
        folder_name: name of the folder below the data folder.
        train: names of the files of training records, in order.
        test: names of the files of test records, in order.
        obtain: where a user gets the files, for the hint about missing ones.
        caveat: what a reader of the numbers must know; empty for the official images.
        archive: the archive that holds all files, which is downloaded where they are missing; ``None`` for none.
    """

    folder_name: str
    train: tuple[RecordFile, ...]
    test: tuple[RecordFile, ...]
    obtain: str
    caveat: str = ""
    archive: Archive | None = None

    @property
    def files(self) -> tuple[RecordFile, ...]:
        """All files, those of training records first."""
        return *self.train, *self.test

    def read(self, what: str) -> tuple[Records, Records]:
        """All training and all test records, in the order of the files.

        Args:
            what: the dataset, for messages.

        Raises:
            DataError: a file is missing or damaged, and no mirror delivered the archive.
        """
        folder = data_folder(self.folder_name)
        paths = {file.name: find(file.name, folder) for file in self.files}
        missing = [name for name, path in paths.items() if path is None]
        if missing:
            records = self._packed(self._archive(what, folder, missing))
        else:
            records = {file.name: file.read(path) for file in self.files if (path := paths[file.name]) is not None}
        return _joined([records[file.name] for file in self.train]), _joined([records[file.name] for file in self.test])

    def _packed(self, path: Path) -> dict[str, Records]:
        assert self.archive is not None
        contents = self.archive.members(path, {file.name: file.size for file in self.files})
        return {file.name: file.records(contents.get(file.name, b""), path / file.name) for file in self.files}

    def _archive(self, what: str, folder: Path, missing: Sequence[str]) -> Path:
        names = ", ".join(file.name for file in self.files)
        hint = (
            f"put {names} (plain or .gz) into {folder}, or set {DATA_VARIABLE} to the folder that holds "
            f"{self.folder_name}/; {self.obtain}"
        )
        fault = f"{what}: {', '.join(missing)} not in {folder}"
        if self.archive is None:
            raise DataError(fault, hint)
        if (path := self.archive.find(folder)) is not None:
            return path
        from qaml.data.download import fetch

        configured = os.environ.get(MIRROR_VARIABLE, "").split()
        mirrors = tuple(f"{mirror.rstrip('/')}/{self.folder_name}" for mirror in configured) or MIRRORS
        try:
            return fetch(self.archive, folder, mirrors)
        except DataError as error:
            raise DataError(
                f"{fault}, and {self.archive.name} could not be downloaded: {error.message}",
                f"{hint}, or set {MIRROR_VARIABLE} to a mirror that can be reached",
            ) from error


def _chosen(archive: tarfile.TarFile, sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        name = PurePosixPath(member.name).name
        if name in sizes and (opened := archive.extractfile(member)) is not None:
            yield name, opened.read(sizes[name] + 1)


def _joined(records: Sequence[Records]) -> Records:
    import numpy as np

    return Records(np.concatenate([each.labels for each in records]), np.concatenate([each.images for each in records]))


# The archive's authors publish its sum alone (MD5 c32a1d4ab5d03f1284b67883e8d87530); its SHA-256 is the one that many
# public projects pin. The sums of its files are those that torchvision-ruby pins; that of the test file is pinned by
# others, too.
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
    archive=Archive(
        "cifar-10-binary.tar.gz", 170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    ),
)
