"""Fetching a dataset's files from the first mirror that has them, once for any number of workers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from qaml.data.body import BodyError, body
from qaml.data.idx_file import IdxFile
from qaml.data.pinned_file import DamagedFileError
from qaml.errors import DataError


def fetch(file: IdxFile, folder: Path, mirrors: Sequence[str]) -> Path:
    """Download a file into a folder unless another worker just did, and return its path.

    The content is verified before the file gets its name, so what has the name is intact.

    Args:
        file: declared name, shape and checksum.
        folder: target folder, which is made if it is missing.
        mirrors: folders on the web that hold ``<name>.gz``, tried in order.

    Raises:
        DataError: no mirror delivered the file (with the reason of each), or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{file.name}.lock"):
            return file.find(folder) or _from_any(file, folder, mirrors)
    except OSError as error:
        raise DataError(
            f"cannot write to {folder}: {error.strerror or error}", "choose a folder you can write"
        ) from error


def _from_any(file: IdxFile, folder: Path, mirrors: Sequence[str]) -> Path:
    reasons = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{file.name}.gz"
        try:
            return _from_one(file, folder, url)
        except BodyError as error:
            reasons.append(f"{_without_password(url)}: {error}")
        except DamagedFileError as error:
            reasons.append(f"{_without_password(url)}: {error.fault}")
    raise DataError("; ".join(reasons) or "no mirror is known")


def _without_password(url: str) -> str:
    """The address without its password, for logs and reports."""
    start, at, rest = url.rpartition("@")
    return f"{start.partition('://')[0]}://…@{rest}" if at else url


def _from_one(file: IdxFile, folder: Path, url: str) -> Path:
    partial = folder / f".{file.name}.part"
    try:
        with _bar(file) as count, partial.open("wb") as received:
            for piece in body(url, _most_bytes(file)):
                received.write(piece)
                count(len(piece))
        file.content(partial)
        return partial.replace(folder / f"{file.name}.gz")
    finally:
        partial.unlink(missing_ok=True)


def _most_bytes(file: IdxFile) -> int:
    """Largest size of a download, in bytes: the file as badly packed as gzip may pack it, or not packed."""
    return file.size + file.size // 100 + 4096


@contextmanager
def _bar(file: IdxFile) -> Iterator[Callable[[int], object]]:
    """Draw a progress bar on stderr, if that is a terminal; the yielded function takes the number of bytes received."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(file.name, total=None)
        yield lambda amount: progress.update(task, advance=amount)
