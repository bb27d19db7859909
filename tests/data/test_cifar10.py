"""CIFAR-10: records of a few known bytes in the official format, one by one, in their archive, or from a mirror."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from qaml.data import load
from qaml.data.cifar2 import Cifar2
from qaml.data.cifar10 import CLASSES, Cifar10
from qaml.data.cifar_files import OFFICIAL, Archive, Source
from qaml.data.record_file import RecordFile
from qaml.data.transforms.select_classes import SelectClasses
from qaml.errors import DataError
from qaml.testing.datasets import check_dataset
from qaml.types import Bounds, InputInfo
from tests.data.mirror import serving

_random = np.random.default_rng(0)
LABELS = {
    "data_batch_1.bin": np.arange(10, dtype=np.uint8)[::-1],
    "data_batch_2.bin": np.array([3, 5, 3], np.uint8),
    "test_batch.bin": np.arange(10, dtype=np.uint8),
}
PIXELS = {name: _random.integers(0, 256, (len(labels), 3, 32, 32), np.uint8) for name, labels in LABELS.items()}
CONTENT = {
    name: b"".join(bytes([label]) + image.tobytes() for label, image in zip(labels, PIXELS[name], strict=True))
    for name, labels in LABELS.items()
}
NAME = "cifar-10-binary.tar.gz"


def packed(content: Mapping[str, bytes], **more: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, part in {"readme.html": b"hello", **content, **more}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(part)
            archive.addfile(member, io.BytesIO(part))
    return stream.getvalue()


def source(archive: bytes) -> Source:
    files = [RecordFile(name, len(LABELS[name]), hashlib.sha256(c).hexdigest()) for name, c in CONTENT.items()]
    declared = Archive(NAME, len(archive), hashlib.sha256(archive).hexdigest())
    return Source("tiny-cifar", tuple(files[:2]), (files[2],), "ask the author", archive=declared)


ARCHIVE = packed(CONTENT)


class Tiny(Cifar10):
    source: ClassVar[Source] = source(ARCHIVE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, and no mirror that can be reached."""
    monkeypatch.setenv("QAML_DATA", str(tmp_path))
    monkeypatch.setenv("QAML_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "tiny-cifar").mkdir()
    return tmp_path / "tiny-cifar"


def check(part: Cifar10) -> None:
    data = load(part)
    for split, names in ((data.train, ["data_batch_1.bin", "data_batch_2.bin"]), (data.test, ["test_batch.bin"])):
        pixels = np.concatenate([PIXELS[name] for name in names])
        np.testing.assert_array_equal(split.inputs, pixels.astype(np.float32) / np.float32(255))
        assert split.labels.tolist() == [int(label) for name in names for label in LABELS[name]]
        assert split.indices.tolist() == list(range(len(pixels)))


def test_files_one_by_one(folder: Path) -> None:
    for name, content in CONTENT.items():
        is_packed = name.startswith("test")
        (folder / (f"{name}.gz" if is_packed else name)).write_bytes(gzip.compress(content) if is_packed else content)
    check(Tiny())
    check_dataset(Tiny())


@pytest.mark.parametrize("place", [".", ".."])
def test_the_archive_in_the_folder_or_beside_it(folder: Path, place: str) -> None:
    (folder / place / NAME).write_bytes(ARCHIVE)
    check(Tiny())


def test_the_archive_is_downloaded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = f"tiny-cifar/{NAME}"
    with serving({page: ARCHIVE}) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url)
        check(Tiny())
        check(Tiny())
    assert mirror.requests == {page: 1}
    assert (folder / NAME).read_bytes() == ARCHIVE


def test_another_archive_is_neither_kept_nor_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = packed(CONTENT | {"test_batch.bin": CONTENT["test_batch.bin"][::-1]})
    with serving({f"tiny-cifar/{NAME}": other[: len(ARCHIVE)]}) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url)
        with pytest.raises(DataError, match=r"could not be downloaded: .*wrong checksum"):
            load(Tiny())
    assert not (folder / NAME).exists()
    (folder / NAME).write_bytes(other)
    monkeypatch.setattr(tarfile, "open", lambda **_: pytest.fail("it was opened"))
    with pytest.raises(DataError, match=r"Too large|wrong checksum"):
        load(Tiny())


DAMAGED = {
    "missing": (packed({name: CONTENT[name] for name in list(CONTENT)[:2]}), "truncated: expected 30730 bytes"),
    "short": (packed(CONTENT | {"test_batch.bin": b"short"}), "truncated: expected 30730 bytes uncompressed, got 5"),
    "long": (packed(CONTENT | {"test_batch.bin": bytes(99_999)}), "too long: expected 30730 bytes"),
    "other": (packed(CONTENT | {"test_batch.bin": bytes(30730)}), "wrong checksum: expected SHA-256"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_every_file_in_the_archive_is_verified_too(folder: Path, name: str) -> None:
    content, message = DAMAGED[name]
    (folder / NAME).write_bytes(content)

    class Damaged(Cifar10):
        source = globals()["source"](content)

    with pytest.raises(DataError, match=message) as caught:
        load(Damaged())
    assert caught.value.message.startswith(f"{folder / NAME}/test_batch.bin: ")


def test_missing_files_are_named_with_every_way_to_get_them(folder: Path) -> None:
    (folder / "test_batch.bin").write_bytes(CONTENT["test_batch.bin"])
    with pytest.raises(DataError) as caught:
        load(Tiny())
    assert caught.value.message.startswith(
        f"cifar10: data_batch_1.bin, data_batch_2.bin not in {folder}, and {NAME} could not be downloaded: "
        f"http://127.0.0.1:9/tiny-cifar/{NAME}: cannot connect"
    )
    assert caught.value.hint == (
        f"put data_batch_1.bin, data_batch_2.bin, test_batch.bin (plain or .gz) into {folder}, or set QAML_DATA to the "
        "folder that holds tiny-cifar/; ask the author, or set QAML_MIRROR to a mirror that can be reached"
    )


def test_some_of_the_classes(folder: Path) -> None:
    (folder / NAME).write_bytes(ARCHIVE)
    data = load(Tiny(transforms=(SelectClasses(classes=("dog", "cat")),)))
    assert data.info.classes == ("dog", "cat")
    assert data.train.labels.tolist() == [0, 1, 1, 0, 1]
    assert data.train.indices.tolist() == [4, 6, 10, 11, 12]


def test_the_official_declaration() -> None:
    part = Cifar10()
    assert part.info == InputInfo((3, 32, 32), CLASSES, Bounds(0.0, 1.0))
    assert part.checksums() == Cifar2(source="cifar10").checksums()
    assert sum(file.n_records for file in OFFICIAL.train) == 50_000
    assert CLASSES[8:] == Cifar2().info.classes
