"""Files that a spec, a command or a variable names: regular files only, read up to a declared size."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


if sys.platform == "win32":
    READ = os.O_RDONLY | os.O_BINARY
else:
    READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
"""How a file is opened that may turn out to be none."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading; a pipe without a writer is refused instead of awaited.

    Raises:
        OSError: there is no such file, it may not be read, or it is not regular; ``strerror`` says which.
    """
    try:
        descriptor = os.open(path, READ)
    except ValueError as error:  # a NUL byte
        raise OSError(errno.EINVAL, "No path", str(path)) from error
    try:
        _check(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file.

    Args:
        path: path of the file.
        most: largest accepted size, in bytes.

    Raises:
        OSError: as in ``open_regular``, or the file is larger.
    """
    content = bytearray()  # in pieces: one large read allocates all its memory before it knows the file's size
    with open_regular(path) as file:
        while piece := file.read(min(_CHUNK, most + 1 - len(content))):
            content += piece
    if len(content) > most:
        raise _too_large(path, most)
    return bytes(content)


def digest_regular(path: Path, most: int) -> str:
    """SHA-256 of a regular file's content, in pieces.

    Raises:
        OSError: as ``read_regular``.
    """
    digest, size = hashlib.sha256(), 0
    with open_regular(path) as file:
        while piece := file.read(_CHUNK):
            size += len(piece)
            if size > most:
                raise _too_large(path, most)
            digest.update(piece)
    return digest.hexdigest()


def read_declared(path: Path, sha256: str, most: int) -> bytes | None:
    """The content of a regular file, or ``None`` where it differs from the declared one, which takes little memory.

    Raises:
        OSError: as ``read_regular``.
    """
    if digest_regular(path, most) != sha256:
        return None
    content = read_regular(path, most)
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def check_replaceable(path: Path) -> None:
    """Refuse to replace a device, a pipe or a folder by a file, as a rename by root would.

    Raises:
        OSError: something of this name exists that is no regular file.
    """
    with suppress(FileNotFoundError):
        _check(path.stat().st_mode, path)


def as_written(path: str) -> Path:
    """A path in a spec, with ``~`` replaced by the home folder, if the user has one."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _check(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise OSError(errno.EINVAL, f"Not a regular file but {kind}", str(path))


def _too_large(path: Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"Too large, expected at most {most:,} bytes", str(path))
