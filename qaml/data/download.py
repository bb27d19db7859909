"""Fetching a dataset's files from the first mirror that has them, once however many workers ask."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
from filelock import FileLock
from pooch import HTTPDownloader
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from qaml.data.idx_file import IdxFile
from qaml.data.pinned_file import DamagedFileError
from qaml.errors import DataError

TIMEOUT_SECONDS = 30


class Bar:
    """What pooch wants of a progress bar (``total``, ``update``, ``reset``, ``close``), drawn on stderr."""

    def __init__(self, title: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(title, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    @property
    def total(self) -> float | None:
        """Bytes expected; None when the server does not say."""
        return self._progress.tasks[0].total

    @total.setter
    def total(self, value: float) -> None:
        self._progress.update(self._task, total=value or None)

    def update(self, amount: float) -> None:
        """Count more bytes as received (pooch counts whole chunks, so the last one may overshoot)."""
        self._progress.update(self._task, advance=amount)

    def reset(self) -> None:
        """Back to zero; pooch does so before it fills the bar at the end."""
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Nothing to do: leaving the context stops the drawing."""


def fetch(file: IdxFile, folder: Path, mirrors: Sequence[str]) -> Path:
    """Download a file into a folder unless another worker just did, and return its path.

    The content is verified before the file gets its name, so what has the name is intact.

    Args:
        file: what is declared of it.
        folder: made if it is not there.
        mirrors: folders on the web that hold ``<name>.gz``, tried in order.

    Raises:
        DataError: no mirror gave the file (with the reason of each), or the folder cannot be written.
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
        except requests.RequestException as error:
            reasons.append(f"{url}: {_reason(error)}")
        except DamagedFileError as error:
            reasons.append(f"{url}: {error.fault}")
    raise DataError("; ".join(reasons) or "no mirror is known")


def _from_one(file: IdxFile, folder: Path, url: str) -> Path:
    partial = folder / f".{file.name}.part"
    try:
        with _bar(file.name) as bar:
            # "identity": a server that offers to unzip on the way would make the bytes depend on the mirror
            headers = {"Accept-Encoding": "identity"}
            HTTPDownloader(progressbar=bar or False, headers=headers, timeout=TIMEOUT_SECONDS)(url, str(partial), None)
        file.content(partial)
        return partial.replace(folder / f"{file.name}.gz")
    finally:
        partial.unlink(missing_ok=True)


def _bar(title: str) -> AbstractContextManager[Bar | None]:
    return Bar(title) if sys.stderr.isatty() else nullcontext()


def _reason(error: requests.RequestException) -> str:
    """A network error in a few words: its own text names Python objects."""
    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT_SECONDS} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection ended early"
    if isinstance(error, requests.ConnectionError):
        return "cannot connect"
    return str(error)
