"""A dataset of a few small images in IDX files, with known bytes: what MNIST is to the code, without its size."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from qaml.data.idx import IdxDataset, IdxFiles
from qaml.data.idx_file import IdxFile

_random = np.random.default_rng(0)
TRAIN_IMAGES = _random.integers(0, 256, (7, 3, 4), dtype=np.uint8)
TRAIN_LABELS = np.array([0, 1, 2, 0, 1, 2, 0], np.uint8)
TEST_IMAGES = _random.integers(0, 256, (2, 3, 4), dtype=np.uint8)
TEST_LABELS = np.array([2, 1], np.uint8)


def encode(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


CONTENT = {
    "train-images": encode(TRAIN_IMAGES),
    "train-labels": encode(TRAIN_LABELS),
    "test-images": encode(TEST_IMAGES),
    "test-labels": encode(TEST_LABELS),
}
ZIPPED = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}


def declared(name: str, array: np.ndarray) -> IdxFile:
    return IdxFile(name, array.shape, hashlib.sha256(CONTENT[name]).hexdigest())


FILES = IdxFiles(
    declared("train-images", TRAIN_IMAGES),
    declared("train-labels", TRAIN_LABELS),
    declared("test-images", TEST_IMAGES),
    declared("test-labels", TEST_LABELS),
)


class Tiny(IdxDataset):
    kind: Literal["tiny"] = "tiny"

    folder_name: ClassVar[str] = "tiny-set"
    classes: ClassVar[tuple[str, ...]] = ("a", "b", "c")
    mirrors: ClassVar[tuple[str, ...]] = ()
    files: ClassVar[IdxFiles] = FILES


def write(folder: Path) -> None:
    """Put the files there, images compressed and labels plain."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in CONTENT:
        if name.endswith("images"):
            (folder / f"{name}.gz").write_bytes(ZIPPED[name])
        else:
            (folder / name).write_bytes(CONTENT[name])
