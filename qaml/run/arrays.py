"""Arrays on disk: npz without pickle."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.lib import format as npy

from qaml.types import AnyArray

_LOCAL_HEADER = 30
"""Bytes of a zip file's header of a member, before its name and its extra field, whose lengths are the last two."""


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays (numbers become arrays without dimensions)."""
    np.savez(path, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})


def read_arrays(path: Path, *, without: str = "") -> dict[str, AnyArray]:
    """Every array of a file, by name, except ``without``, for one that is too large to be read at once (``Rows``)."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name != without}


class Rows:
    """An array in a file that ``write_arrays`` wrote; only the requested rows are read.

    Args:
        file: the file, which must stay open while rows are read.
        name: name of the array.
        merged: number of leading axes that count as one: with 2, an array of shape (k, n, *rest) has k · n rows.
    """

    def __init__(self, file: BinaryIO, name: str, merged: int = 1) -> None:
        self._file = file
        with ZipFile(file) as archive:
            member = archive.getinfo(f"{name}.npy")
        if member.compress_type != ZIP_STORED:
            raise ValueError(f"{name} is compressed: write_arrays does not do so")
        file.seek(member.header_offset)
        lengths = struct.unpack("<HH", file.read(_LOCAL_HEADER)[-4:])
        file.seek(member.header_offset + _LOCAL_HEADER + sum(lengths))
        npy.read_magic(file)
        shape, is_fortran, self.dtype = npy.read_array_header_1_0(file)
        if is_fortran:
            raise ValueError(f"{name} lies in the file column by column")
        self._start = file.tell()
        self.whole_shape: tuple[int, ...] = shape
        self.shape: tuple[int, ...] = (prod(shape[:merged]), *shape[merged:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: slice) -> AnyArray:
        """The rows of a slice without a step, (m, *rest)."""
        first, last, _ = chosen.indices(len(self))
        width = prod(self.shape[1:])
        self._file.seek(self._start + first * width * self.dtype.itemsize)
        count = max(last - first, 0)
        return np.fromfile(self._file, self.dtype, count * width).reshape(count, *self.shape[1:])
