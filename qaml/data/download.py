"""Fetching a dataset's files from the first mirror that has them, once for any number of workers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from qaml.data.body import BodyError, body
from qaml.data.pinned_file import DamagedFileError
from qaml.errors import DataError


class Fetched(Protocol):
    """A file that mirrors have, declared by its content."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def packed_name(self) -> str:
        """The name that mirrors give it, and that it keeps."""

    @property
    def most_bytes(self) -> int:
        """Largest size of a download, in bytes."""

    def find(self, folder: Path) -> Path | None:
        """The file in a folder, if it is there."""

    def content(self, path: Path) -> object:
        """Verify a file.

        Raises:
            DataError: it cannot be read, is damaged, or is another one.
        """


def fetch(file: Fetched, folder: Path, mirrors: Sequence[str]) -> Path:
    """Download a file into a folder unless another worker just did, and return its path.

    The content is verified before the file gets its name, so what has the name is intact.

    Args:
        file: declared name, size and checksum.
        folder: target folder, which is made if it is missing.
        mirrors: folders on the web that hold the packed file, tried in order.

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


def _from_any(file: Fetched, folder: Path, mirrors: Sequence[str]) -> Path:
    reasons = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{file.packed_name}"
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


def _from_one(file: Fetched, folder: Path, url: str) -> Path:
    partial = folder / f".{file.name}.part"
    try:
        with _bar(file) as count, partial.open("wb") as received:
            for piece in body(url, file.most_bytes):
                received.write(piece)
                count(len(piece))
        file.content(partial)
        return partial.replace(folder / file.packed_name)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _bar(file: Fetched) -> Iterator[Callable[[int], object]]:
    """Draw a progress bar on stderr, if that is a terminal; the yielded function takes the number of bytes received."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(file.name, total=None)
        yield lambda amount: progress.update(task, advance=amount)
