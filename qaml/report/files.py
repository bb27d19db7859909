"""Writing a report's files: complete or not at all, and a clear error where the folder refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qaml.errors import StoreError


@contextmanager
def store_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn an operating system's refusal into an error for a person."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot {doing} {path}: {error.strerror or error}",
            "check the folder's permissions and free space, or name another report folder",
        ) from error


def write(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name beside it and move it into place.

    Raises:
        StoreError: the folder cannot be created or written, or the disk is full.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.tmp")
    with store_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove_stale(folder: Path, kept: set[Path]) -> None:
    """Delete the pages below ``folder`` that are not in ``kept``, and folders that are empty then."""
    if not folder.is_dir():
        return
    with store_errors("tidy", folder):
        for page in sorted(folder.glob("*/*.html")):
            if page not in kept:
                page.unlink()
        for inner in sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink()):
            if not any(inner.iterdir()):
                inner.rmdir()
