"""Ships and trucks: records of a few known bytes, and the real copy where the machine has it."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from qaml.data import DatasetPart, load
from qaml.data.cifar2 import Cifar2
from qaml.data.cifar_files import Source
from qaml.data.record_file import RecordFile
from qaml.errors import DataError
from qaml.testing.datasets import check_dataset
from qaml.types import Bounds, InputInfo

# with QAML_REQUIRE_DATA=1 they do not skip: a missing folder fails them
needs_cifar2 = pytest.mark.skipif(
    not Path(os.environ.get("QAML_DATA", "/nowhere"), "cifar2").is_dir() and os.environ.get("QAML_REQUIRE_DATA") != "1",
    reason="QAML_DATA names no folder with cifar2/",
)

_random = np.random.default_rng(0)
LABELS = {
    "first.bin": np.array([8, 0, 9, 3], np.uint8),
    "second.bin": np.array([9, 9, 1], np.uint8),
    "test.bin": np.array([7, 8, 9], np.uint8),
}
PIXELS = {name: _random.integers(0, 256, (len(labels), 3, 32, 32), np.uint8) for name, labels in LABELS.items()}
CONTENT = {
    name: b"".join(bytes([label]) + image.tobytes() for label, image in zip(labels, PIXELS[name], strict=True))
    for name, labels in LABELS.items()
}
FILES = {name: RecordFile(name, len(LABELS[name]), hashlib.sha256(c).hexdigest()) for name, c in CONTENT.items()}
TINY = Source("tiny", (FILES["first.bin"], FILES["second.bin"]), (FILES["test.bin"],), "ask the author", "tiny")


class Tiny(Cifar2):
    sources: ClassVar[Mapping[str, Source]] = {"cifar10": TINY._replace(caveat=""), "jpeg_copy": TINY}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files, one of them compressed."""
    monkeypatch.setenv("QAML_DATA", str(tmp_path))
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "first.bin").write_bytes(CONTENT["first.bin"])
    (folder / "second.bin.gz").write_bytes(gzip.compress(CONTENT["second.bin"]))
    (folder / "test.bin").write_bytes(CONTENT["test.bin"])
    return folder


@pytest.mark.usefixtures("folder")
def test_ships_and_trucks_are_chosen_in_order_over_all_files() -> None:
    data = load(Tiny())
    assert data.train.labels.tolist() == [0, 1, 1, 1]
    assert data.train.indices.tolist() == [0, 2, 4, 5]
    assert data.test.labels.tolist() == [0, 1]
    assert data.test.indices.tolist() == [1, 2]
    pixels = np.concatenate([PIXELS["first.bin"][[0, 2]], PIXELS["second.bin"][:2]])
    np.testing.assert_array_equal(data.train.inputs, pixels.astype(np.float32) / np.float32(255))


@pytest.mark.usefixtures("folder")
def test_it_is_a_dataset() -> None:
    check_dataset(Tiny())


def test_channels_come_one_after_the_other_row_by_row(folder: Path) -> None:
    record = CONTENT["first.bin"]
    image = FILES["first.bin"].read(folder / "first.bin").images[0]
    assert image[0, 0, 1] == record[1 + 1]
    assert image[0, 1, 0] == record[1 + 32]
    assert image[2, 31, 31] == record[3072]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (CONTENT["first.bin"][:-1], "truncated: expected 12292 bytes uncompressed, got 12291"),
        (CONTENT["first.bin"] + b"\0", "too long: expected 12292 bytes uncompressed, got more"),
        (CONTENT["first.bin"][:-1] + b"?", "wrong checksum: expected SHA-256 " + FILES["first.bin"].sha256),
        (gzip.compress(CONTENT["first.bin"])[:-9], "truncated: the gzip data end early"),
    ],
    ids=["short", "long", "other", "gzip"],
)
def test_damage_is_named_with_the_file(folder: Path, content: bytes, fault: str) -> None:
    (folder / "first.bin").write_bytes(content)
    with pytest.raises(DataError) as caught:
        load(Tiny())
    assert caught.value.message.startswith(f"{folder / 'first.bin'}: {fault}")
    assert caught.value.hint == "put an intact copy there"


def test_missing_files_are_named_with_where_to_get_them(folder: Path) -> None:
    (folder / "first.bin").unlink()
    (folder / "test.bin").unlink()
    with pytest.raises(DataError) as caught:
        load(Tiny())
    assert caught.value.message == f"cifar2 (source jpeg_copy): first.bin, test.bin not in {folder}"
    assert caught.value.hint == (
        f"put first.bin, second.bin, test.bin (plain or .gz) into {folder}, or set QAML_DATA to the folder that holds "
        "tiny/; ask the author"
    )


def test_the_two_sources_share_no_content_and_only_the_copy_has_a_caveat() -> None:
    official, copy = Cifar2(source="cifar10"), Cifar2()
    assert official.info == copy.info == InputInfo((3, 32, 32), ("ship", "truck"), Bounds(0.0, 1.0))
    assert list(official.checksums()) == [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    assert len({*official.checksums().values(), *copy.checksums().values()}) == 8
    assert official.caveat == ""
    assert copy.caveat.startswith("pixels decoded from a lossy JPEG copy of CIFAR-10")


def test_missing_official_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_DATA", str(tmp_path))
    monkeypatch.setenv("QAML_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"data_batch_5\.bin, test_batch\.bin not in .*cifar-10-batches-bin") as caught:
        load(Cifar2(source="cifar10"))
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz" in caught.value.hint


@needs_cifar2
def test_the_real_copy() -> None:
    data = load(DatasetPart.model_validate({"kind": "cifar2"}))
    assert np.bincount(data.train.labels).tolist() == [5000, 5000]
    assert np.bincount(data.test.labels).tolist() == [1000, 1000]
    # as its makers describe it: channel means, and ships and trucks taking turns in the test records
    assert data.train.inputs.mean((0, 2, 3), dtype=np.float64) == pytest.approx([0.4943, 0.5052, 0.5162], abs=5e-5)
    assert data.test.labels[:4].tolist() == [0, 1, 0, 1]
    assert np.array_equal(data.train.indices, np.arange(10_000))
