"""Writing a file: complete or not at all, and a clear error where the folder refuses."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qaml.errors import StoreError
from qaml.files.regular import check_replaceable

_HINT = "check the folder's permissions and free space, or name another"
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.qaml-tmp")
_ABANDONED = 3600.0
"""Seconds after which a temporary file is abandoned: its writer writes it in one go."""


@contextmanager
def store_errors(doing: str, path: Path, what: str = "", hint: str = _HINT) -> Iterator[None]:
    """Turn an operating system's refusal into an error for the user."""
    try:
        yield
    except (OSError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else "out of memory"
        raise StoreError(f"cannot {doing} {what}{path}: {reason or error}", hint) from error


def write(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name beside it and move it into place; a symbolic link stays one.

    Raises:
        StoreError: the folder cannot be created or written, the disk is full, or there is a device or a pipe.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with store_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        final = Path(os.path.realpath(path))
        check_replaceable(final)
        remove_leftovers(final.parent)
        temporary = final.with_name(f".{final.name[:40]}.{uuid.uuid4().hex[:12]}.qaml-tmp")
        try:
            write_durably(temporary, data)
            with suppress(OSError):  # a new file, or one of another user
                shutil.copymode(final, temporary)
            temporary.replace(final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files of runs that were killed while they wrote into this folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and time.time() - entry.stat().st_mtime > _ABANDONED:
                Path(entry.path).unlink(missing_ok=True)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file that no other process reads yet, and flush it to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
