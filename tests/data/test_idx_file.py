from __future__ import annotations

import errno
import gzip
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from qaml.data.celeba import lists
from qaml.data.folder import data_folder
from qaml.data.pinned_file import DamagedFileError
from qaml.errors import DataError
from tests.data.tiny import CONTENT, FILES, TRAIN_IMAGES, ZIPPED, encode

IMAGES = FILES.train_images
PLAIN, GZIPPED = CONTENT["train-images"], ZIPPED["train-images"]


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


@pytest.mark.parametrize(("name", "content"), [("x.gz", GZIPPED), ("x", PLAIN), ("x.gz", PLAIN), ("x", GZIPPED)])
def test_reads_plain_and_compressed_whatever_the_name_says(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert np.array_equal(IMAGES.read(tmp_path / name), TRAIN_IMAGES)


def test_header_and_size_are_those_of_the_format() -> None:
    assert PLAIN.startswith(IMAGES.header)
    assert IMAGES.header == bytes.fromhex("00000803 00000007 00000003 00000004")
    assert IMAGES.size == len(PLAIN) == 16 + 7 * 3 * 4


def test_a_gzip_of_several_members_is_one_content(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(PLAIN[:20]) + gzip.compress(PLAIN[20:]))
    assert np.array_equal(IMAGES.read(path), TRAIN_IMAGES)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(GZIPPED[:-20], "truncated: the gzip data end early", id="gzip-truncated"),
        pytest.param(GZIPPED[:-3], "truncated: the gzip data end early", id="gzip-without-its-last-bytes"),
        pytest.param(GZIPPED[:2], "truncated: the gzip data end early", id="gzip-magic-alone"),
        pytest.param(flipped(GZIPPED, len(GZIPPED) - 6), "damaged gzip data (CRC check failed", id="gzip-checksum"),
        pytest.param(flipped(GZIPPED, 2), "damaged gzip data (Unknown compression method)", id="gzip-method"),
        pytest.param(PLAIN[:-1], "truncated: expected 100 bytes uncompressed, got 99", id="plain-truncated"),
        pytest.param(gzip.compress(PLAIN[:-1]), "truncated: expected 100 bytes uncompressed", id="short-inside"),
        pytest.param(PLAIN + b"\0", "too long: expected 100 bytes uncompressed, got more", id="too-long"),
        pytest.param(gzip.compress(PLAIN + bytes(10**6)), "too long: expected 100 bytes", id="a-bomb"),
        pytest.param(flipped(PLAIN, 50), "wrong checksum: expected SHA-256 " + IMAGES.sha256, id="one-bit"),
        pytest.param(encode(TRAIN_IMAGES[:, :, ::-1].copy()), "wrong checksum", id="other-images"),
        pytest.param(
            b"<!DOCTYPE html>",
            "neither gzip nor the IDX file expected: magic number 00000803, got 3c21444f",
            id="a-web-page",
        ),
        pytest.param(
            CONTENT["train-labels"],
            "neither gzip nor the IDX file expected: magic number 00000803, got 00000801",
            id="labels-for-images",
        ),
        pytest.param(b"", "neither gzip nor the IDX file expected: magic number 00000803, got nothing", id="empty"),
    ],
)
def test_damage_is_named_with_the_file_and_what_to_do(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "train-images.gz"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError) as caught:
        IMAGES.read(path)
    assert caught.value.message.startswith(f"{path}: {fault}")
    assert caught.value.hint == "delete the file, and the next run downloads it, or put an intact copy there"


def test_a_file_that_cannot_be_opened_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file") as caught:
        IMAGES.read(tmp_path / "absent")
    assert caught.value.message == f"{tmp_path / 'absent'}: cannot be read: No such file or directory"


def test_finds_the_plain_file_first_and_no_folder(tmp_path: Path) -> None:
    assert IMAGES.find(tmp_path) is None
    (tmp_path / "train-images.gz").mkdir()
    assert IMAGES.find(tmp_path) is None
    (tmp_path / "train-images.gz").rmdir()
    (tmp_path / "train-images.gz").write_bytes(GZIPPED)
    assert IMAGES.find(tmp_path) == tmp_path / "train-images.gz"
    (tmp_path / "train-images").write_bytes(PLAIN)
    assert IMAGES.find(tmp_path) == tmp_path / "train-images"


def test_a_folder_that_may_not_be_looked_into_is_no_absent_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refused)
    for look in (IMAGES.find, partial(lists.find, lists.PARTITION)):
        with pytest.raises(DataError, match="cannot be read: Permission denied"):
            look(Path("elsewhere"))


def test_the_folder_of_nobody_is_a_folder_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_DATA", "~nobody-of-this-name/data")
    assert data_folder("mnist") == Path("~nobody-of-this-name/data/mnist")
