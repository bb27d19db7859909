"""Refusals of the operating system as messages, and which of them prove that a file is missing.

A refusal is no proof of damage: without the permission or a descriptor, a file's content stays unknown.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
from pathlib import Path

from qaml.errors import QamlError, StoreError
from qaml.files.regular import READ, digest_regular

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
_NO_FILE = errno.EINVAL
"""Error numbers of ``regular_file`` for a folder, a pipe or a device."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
"""Error numbers of a full or read-only disk, which the first process to write meets."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_HINTS = {
    errno.ENOSPC: "free some disk space, or 'qaml store prune'",
    errno.EDQUOT: "free some of your quota, or 'qaml store prune'",
    errno.EFBIG: "raise the limit of a file's size ('ulimit -f')",
    errno.EROFS: "the file system is read-only: name another folder with --qaml-store",
    errno.ENOTDIR: "a file has the folder's name: name another with --qaml-store",
    errno.EEXIST: "a file has the folder's name: name another with --qaml-store",
    errno.EMFILE: "raise the limit of open files ('ulimit -n'), or run fewer workers",
    errno.ENFILE: "the machine has too many files open: try again when it has less to do",
    errno.ENOMEM: "free some memory, or run fewer workers",
    errno.EIO: "look at the disk: nothing was deleted",
}
_DENIED = (errno.EACCES, errno.EPERM)
_IN_TEXT = re.compile(r"\(os error (\d+)\)|\[Errno (\d+)\]")


class NotThere(Exception):
    """The regular file is proved to be missing."""


def cannot_read(path: Path, error: OSError) -> StoreError:
    """The error that something cannot be read, which says nothing about its content."""
    hint = _HINTS.get(error.errno or 0, "try again: nothing was deleted")
    if error.errno in _DENIED:
        hint = "ask its owner for the right to read it, or name another folder with --qaml-store"
    return StoreError(f"cannot read {path}: {_reason(error)}", hint)


def cannot_write(root: Path, error: OSError, what: str = "the artefact store") -> StoreError:
    """The error that something cannot be written."""
    hint = _HINTS.get(error.errno or 0, "see --qaml-store")
    if error.errno in _DENIED:
        hint = "name a folder that you may write with --qaml-store"
    return StoreError(f"cannot write {what} {root}: {_reason(error)}", hint)


def _reason(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno is not None else str(error)).lower()


def of_the_store(error: Exception, root: Path) -> StoreError | None:
    """The store's error behind a failed step, if its disk or permissions below ``root`` caused it; otherwise none.

    Libraries that write in compiled code put the system's number into their own error's text.
    """
    if isinstance(error, MemoryError):
        return StoreError("not enough memory", _HINTS[errno.ENOMEM])
    if isinstance(error, OSError):
        path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
        if path is not None and path.absolute().is_relative_to(root.absolute() / "artefacts"):
            return cannot_read(path, error)
        is_below = path is not None and path.absolute().is_relative_to(root.absolute())
        is_refused = (
            (is_below and error.errno != errno.ENOENT)
            or error.errno in _EXHAUSTED
            or (path is None and error.errno in _FULL)
        )
        return cannot_write(root, error) if is_refused else None
    found = None if isinstance(error, QamlError) else _IN_TEXT.search(str(error))
    number = int(found[1] or found[2]) if found else 0
    return cannot_write(root, OSError(number, "")) if number in _FULL | _EXHAUSTED else None


def content_of(path: str | Path, most: int = sys.maxsize - 1) -> bytes:
    """The content of a regular file; of one longer than ``most`` bytes, its first ``most`` + 1 bytes.

    It does not wait for devices and pipes.

    Raises:
        NotThere: there is none.
        StoreError: the system refuses to read it.
    """
    try:  # without file objects and their buffers: a store has 10⁵ manifests
        descriptor = os.open(path, READ)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise NotThere(f"{Path(path).name} is not a file")
            return _read_up_to(descriptor, min(found.st_size, most) + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unread(Path(path), error) from error


def _read_up_to(descriptor: int, length: int) -> bytes:
    content = os.read(descriptor, length)
    while len(content) < length and (piece := os.read(descriptor, length - len(content))):
        content += piece
    return content


def _unread(path: Path, error: OSError) -> Exception:
    is_absent = error.errno in _ABSENT or error.errno == _NO_FILE
    return NotThere(f"{path.name} is missing or no file") if is_absent else cannot_read(path, error)


def digest_of(path: Path, size: int) -> str | None:
    """SHA-256 of a regular file of this size; none where its size differs.

    Raises:
        NotThere: there is none.
        StoreError: the system refuses to read it.
    """
    try:
        return digest_regular(path, size) if path.stat().st_size == size else None
    except OSError as error:
        raise _unread(path, error) from error


def remove(path: Path) -> None:
    """Delete a file, or a folder with all that is in it, as far as the system allows."""
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
