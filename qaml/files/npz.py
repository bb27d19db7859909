"""Arrays from an npz file of unknown origin: numbers only, at most as many as declared, and as fit into memory.

Files of the artefact store have qaml's own checksums and are read by ``qaml.run.arrays``.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zipfile
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 192 << 20
"""Largest size of the file, and of all its arrays together, in bytes."""
_MOST_HEADER = 10_000
_DIRECTORY_ENTRY = 46
_MOST_DIRECTORY = 4 << 20
"""Largest size of the list of members before it becomes Python objects, in bytes."""
_END = struct.Struct("<4s4H2LH")
_END_64 = b"PK\x06\x07"
NUMBERS = "biuf"
"""Codes of numpy's kinds of numbers: truth values, whole numbers with and without sign, floating-point numbers."""
TEXTS = "U"
"""The code of numpy's kind of texts, such as names of classes; they are plain bytes, never pickled objects."""


class NpzError(ValueError):
    """The file is malformed; the message continues a sentence such as "it is damaged: "."""


def names_in(content: bytes) -> list[str]:
    """The names of the arrays of an npz file, which are not read.

    Raises:
        NpzError: the content is no npz file.
    """
    _check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except Exception as error:  # as in read_npz
        raise NpzError(f"it is no npz file ({type(error).__name__}: {error})") from error


def read_npz(
    content: bytes, most: int = MOST_BYTES, kinds: str = NUMBERS, names: Collection[str] | None = None
) -> dict[str, NDArray[Any]]:
    """Read every array of a file, or some of them, by name; the arrays are read-only.

    Args:
        content: the file's bytes.
        most: largest size of all these arrays together, in bytes.
        kinds: codes of the kinds that arrays may have, out of ``NUMBERS`` and ``TEXTS``.
        names: the arrays to read; all of them for ``None``.

    Raises:
        NpzError: the content is no npz file, or holds something other than numbers, or more than ``most`` bytes.
    """
    _check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [each for each in archive.infolist() if names is None or each.filename[:-4] in names]
            if (total := sum(member.file_size for member in members)) > most:
                raise NpzError(f"it is too large, expected at most {most:,} bytes unpacked, got {total:,}")
            return dict(_arrays(archive, members, kinds))
    except NpzError:
        raise
    except Exception as error:  # three libraries parse here, none of which documents what it raises for bad input
        raise NpzError(f"it is no npz file, or its arrays cannot be read ({type(error).__name__}: {error})") from error


def _check_directory(content: bytes) -> None:
    """Refuse a file whose list of members would fill the memory; a file by qaml has no comment and is below 4 GiB."""
    end = len(content) - _END.size
    signature, *_, size, _, _ = _END.unpack_from(content, end) if end >= 0 else (b"", 0, 0, 0)
    if signature != b"PK\x05\x06" or content[max(end - 20, 0) :][:4] == _END_64:
        raise NpzError("it is no npz file")
    if size > _MOST_DIRECTORY:
        raise NpzError(f"it has too many arrays, expected at most {_MOST_DIRECTORY // _DIRECTORY_ENTRY:,}")


def read_npy(content: bytes, kinds: str = NUMBERS) -> NDArray[Any]:
    """Read the array of an npy file; it is read-only.

    Args:
        content: the file's bytes.
        kinds: as for ``read_npz``.

    Raises:
        NpzError: the content is no npy file, or holds something other than numbers.
    """
    try:
        return _array(content, "", kinds)
    except NpzError:
        raise
    except Exception as error:  # as in read_npz
        raise NpzError(f"it is no npy file, or its array cannot be read ({type(error).__name__}: {error})") from error


def _arrays(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], kinds: str) -> Iterator[tuple[str, NDArray[Any]]]:
    seen: set[str] = set()
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NpzError("it is packed in a way that npz files are not")
        if not member.filename.endswith(".npy") or member.filename in seen:
            raise NpzError(f"it holds {member.filename[:60]!r}, expected arrays, each once")
        seen.add(member.filename)
        with archive.open(member) as packed:
            yield member.filename.removesuffix(".npy"), _array(packed.read(member.file_size), member.filename, kinds)


def _array(content: bytes, name: str, kinds: str) -> NDArray[Any]:
    """An array whose header agrees with the bytes behind it; without a name it is a file's only one."""
    import numpy as np

    words = f"array {name!r}" if name else "its array"

    stream = io.BytesIO(content)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(np.lib.format.read_magic(stream))
    if read_header is None:
        raise NpzError(f"{words} is of an unknown format")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns about headers of its oldest formats
        shape, is_fortran, dtype = read_header(stream, max_header_size=_MOST_HEADER)
    if dtype.kind not in kinds:
        is_pickled = " (pickled objects are never read)" if dtype.hasobject else ""
        raise NpzError(f"{words} holds {dtype.name}, expected numbers{is_pickled}")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise NpzError(f"{words} is not of the shape that it is said to have")
    array = np.frombuffer(content, dtype, offset=stream.tell())
    return array.reshape(shape, order="F" if is_fortran else "C").astype(dtype.newbyteorder("="), copy=False)
