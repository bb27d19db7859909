"""States of files, folders and environment variables that code reads."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from qaml.errors import RunError
from qaml.files.regular import as_written, digest_regular

VARIABLE = "env:"
MOST_BYTES = 8 << 30
"""Largest size of what a part declares to read, in bytes, since it is read at every planning."""
MOST_FILES = 100_000
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EACCES, errno.EPERM}
"""Error numbers that every reader of the path gets; any other error may be temporary."""
_HINT = "name the files that change, or one that lists their checksums"


def state_of(name: str) -> str:
    """A digest of the present content, or ``absent``.

    Args:
        name: a path, relative to the current directory, or ``env:NAME``; all files in a folder count.

    Raises:
        RunError: it is neither a file nor a folder, exceeds ``MOST_BYTES`` or ``MOST_FILES``, or cannot be read at this
            moment.
    """
    if name.startswith(VARIABLE):
        value = os.environ.get(name.removeprefix(VARIABLE))
        return "absent" if value is None else hashlib.sha256(value.encode(errors="surrogateescape")).hexdigest()
    path = as_written(name)
    try:
        if not path.is_dir():
            return _content(path)
        listed = "\n".join(f"{each.relative_to(path).as_posix()} {_content(each)}" for each in _inside(path))
        return hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest()
    except OSError as error:
        if error.errno in _ABSENT:
            return "absent"
        hint = _HINT if error.errno in (errno.EINVAL, errno.EFBIG) else "try again"
        raise RunError(f"cannot read {name!r}, which the suite says is read: {error.strerror}", hint) from error


def _inside(folder: Path) -> list[Path]:
    """The files below a folder and below folders that it links to, sorted; a folder that is linked twice counts once.

    Raises:
        OSError: there are too many files, they are too large, or a folder cannot be read at this moment.
    """

    def pass_over(error: OSError) -> None:
        if error.errno not in _ABSENT:
            raise error

    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    size = 0
    for here, folders, names in os.walk(folder, onerror=pass_over, followlinks=True):
        status = Path(here).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for path in (Path(here, name) for name in names):
            if path.is_file():
                found.append(path)
                size += path.stat().st_size
        if len(found) > MOST_FILES or size > MOST_BYTES:
            limits = f"expected at most {MOST_FILES:,} files of {MOST_BYTES:,} bytes together"
            raise OSError(errno.EFBIG, f"Too much in this folder, {limits}", str(folder))
    return sorted(found)


def _content(path: Path) -> str:
    try:
        return digest_regular(path, MOST_BYTES)
    except OSError as error:
        if error.errno in _ABSENT:
            return "absent"
        raise
