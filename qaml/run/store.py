"""The artefact store: immutable results by content key, in plain formats, safe under several workers and sudden death.

An artefact is a folder ``artefacts/<key>`` with files and a manifest (their checksums, and where they come from). It is
written under a temporary name and moved into place, so it is whole or absent; correctness rests on that. Locks only
save work: the system releases them when a process dies.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from qaml.errors import StoreError
from qaml.plan.environment import VARIABLE, state_of

MANIFEST = "manifest.json"
DATA_RECORD = "dataset.json"
"""What the artefact of a dataset says of its content."""
LEFTOVER = 6 * 3600
"""Seconds after which a temporary folder or a checkpoint belongs to nobody: a run at work must not lose its own."""

_DATA = "data "


class Damaged(StoreError):
    """An artefact does not match its manifest; it has been set aside and is rebuilt."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.key = key


class Usage(NamedTuple):
    """What one kind of step occupies."""

    kind: str
    artefacts: int
    size: int


class Store:
    """A folder of artefacts.

    Args:
        root: made if it does not exist.
        fresh_since: artefacts made before this time (seconds since the epoch) count as absent (``--qaml-refresh``).

    Raises:
        StoreError: the folder cannot be made or written.
    """

    def __init__(self, root: Path, fresh_since: float = 0.0) -> None:
        self.root = root
        self.fresh_since = fresh_since
        self._verified: set[Path] = set()
        try:
            for name in ("artefacts", "temporary", "locks", "checkpoints"):
                (root / name).mkdir(parents=True, exist_ok=True)
            probe = root / "temporary" / f"probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise _store_error(error, root) from error

    def folder(self, key: str) -> Path:
        """Where the artefact of this key is or would be."""
        return self.root / "artefacts" / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether the artefact is there (and made in this session, if it was asked to be fresh)."""
        try:
            made = (self.folder(key) / MANIFEST).stat().st_mtime
        except OSError:
            return False
        return made >= self.fresh_since and self._is_current(key)

    def _is_current(self, key: str) -> bool:
        """Whether the files and datasets that it was made from are what they were; what is absent is not compared."""
        try:
            sources = self.manifest(key).get("sources", {})
        except Damaged:
            return False
        return all(self._is_same(name, known) for name, known in sources.items())

    def _is_same(self, name: str, known: str) -> bool:
        if name.startswith(_DATA):
            now = self._record_digest(name.removeprefix(_DATA))
            return now is None or now == known
        if name.startswith(VARIABLE):
            return state_of(name) == known
        return is_same_file(Path(name), known)

    def _record_digest(self, key: str) -> str | None:
        try:
            files = json.loads((self.folder(key) / MANIFEST).read_bytes())["files"]
            digest: str = files[DATA_RECORD]["sha256"]
        except (OSError, ValueError, KeyError):
            return None
        return digest

    def sources(self, keys: Iterable[str]) -> dict[str, str]:
        """What artefacts were made from, files and datasets' records, with their digests.

        A key says what was declared. Whatever else a result hangs on is noted with it, and with all that is made of it.
        """
        found: dict[str, str] = {}
        for key in keys:
            manifest = self.manifest(key)
            found |= manifest.get("sources", {})
            if DATA_RECORD in manifest["files"]:
                found[_DATA + key] = manifest["files"][DATA_RECORD]["sha256"]
        return found

    def manifest(self, key: str) -> dict[str, Any]:
        """The manifest of an artefact.

        Raises:
            Damaged: it cannot be read.
        """
        try:
            content: dict[str, Any] = json.loads((self.folder(key) / MANIFEST).read_bytes())
            content["files"].items()
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            self._set_aside(key)
            raise Damaged(key, f"the manifest of artefact {key[:12]} cannot be read: {error}") from error
        return content

    def read(self, key: str, name: str) -> Path:
        """The path of one file, its checksum verified (once a process).

        Raises:
            Damaged: the file is missing or changed; the artefact is set aside.
        """
        path = self.folder(key) / name
        if path in self._verified:
            return path
        expected = self.manifest(key)["files"].get(name, {}).get("sha256")
        if expected is None or not path.is_file() or file_digest(path) != expected:
            self._set_aside(key)
            raise Damaged(key, f"{name} of artefact {key[:12]} is missing or damaged")
        self._verified.add(path)
        return path

    def _set_aside(self, key: str) -> None:
        shutil.rmtree(self.folder(key), ignore_errors=True)

    @contextmanager
    def writing(
        self, key: str, provenance: Mapping[str, Any], sources: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[Path]:
        """A temporary folder whose files become the artefact when the block ends without an exception.

        Args:
            key: of the artefact.
            provenance: for people.
            sources: what it is made from beside what its key declares; looked at when the block ends.
        """
        temporary = self.root / "temporary" / f"{key[:12]}-{uuid.uuid4().hex}"
        try:
            temporary.mkdir()
            yield temporary
            files = {p.name: {"sha256": file_digest(p), "bytes": p.stat().st_size} for p in sorted(temporary.iterdir())}
            manifest = {"key": key, "files": files, "sources": dict(sources), "provenance": dict(provenance)}
            _write_durably(temporary / MANIFEST, json.dumps(manifest, indent=1))
            self._move(temporary, self.folder(key))
        except OSError as error:
            raise _store_error(error, self.root) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _move(self, temporary: Path, final: Path) -> None:
        final.parent.mkdir(exist_ok=True)
        if final.exists():  # older than asked for, or another worker was as fast
            shutil.rmtree(final, ignore_errors=True)
        try:
            temporary.rename(final)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        self._verified = {path for path in self._verified if path.parent != final}

    @contextmanager
    def lock(self, key: str) -> Iterator[bool]:
        """Try to take the lock of a step, without waiting; tells whether it was free."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.root / "locks" / f"{key[:32]}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise _store_error(error, self.root) from error
        try:
            yield True
        finally:
            lock.release()

    def checkpoint(self, key: str) -> Path:
        """The folder where a step in progress keeps what it needs to resume."""
        return self.root / "checkpoints" / key

    def usage(self) -> list[Usage]:
        """What each kind of step occupies, largest first."""
        counts: dict[str, tuple[int, int]] = {}
        for key in self.keys():
            manifest = self.manifest(key)
            kind = str(manifest["provenance"].get("kind", "?"))
            size = sum(int(f["bytes"]) for f in manifest["files"].values())
            count, total = counts.get(kind, (0, 0))
            counts[kind] = (count + 1, total + size)
        return sorted((Usage(k, c, s) for k, (c, s) in counts.items()), key=lambda u: -u.size)

    def keys(self) -> list[str]:
        """The keys of all artefacts."""
        return sorted(path.parent.name for path in (self.root / "artefacts").glob(f"*/*/{MANIFEST}"))

    def prune(self, *, keep: frozenset[str] = frozenset(), older_than: float = 0.0) -> int:
        """Delete artefacts that are not kept and not used for ``older_than`` seconds, and all leftovers.

        Returns:
            The number of artefacts deleted.
        """
        now = time.time()
        limit = now - older_than
        deleted = 0
        for key in self.keys():
            if key not in keep and (self.folder(key) / MANIFEST).stat().st_mtime <= limit:
                self._set_aside(key)
                deleted += 1
        for leftover in [*(self.root / "temporary").iterdir(), *(self.root / "checkpoints").iterdir()]:
            if leftover.stat().st_mtime <= min(limit, now - LEFTOVER):
                shutil.rmtree(leftover, ignore_errors=True)
        return deleted


def file_state(path: Path) -> str:
    """SHA-256, size and time of a file, in one word each.

    Raises:
        OSError: it cannot be read.
    """
    stat = path.stat()
    return f"{file_digest(path)} {stat.st_size} {stat.st_mtime_ns}"


def is_same_file(path: Path, state: str) -> bool:
    """Whether a file has the content that it had; one that is gone is not compared."""
    digest, size, time_ns = state.split()
    try:
        stat = path.stat()
        if (stat.st_size, stat.st_mtime_ns) == (int(size), int(time_ns)):
            return True
        return stat.st_size == int(size) and _digest_at(path, stat.st_size, stat.st_mtime_ns) == digest
    except OSError:
        return True


@cache
def _digest_at(path: Path, size: int, time_ns: int) -> str:  # noqa: ARG001
    return file_digest(path)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _store_error(error: OSError, root: Path) -> StoreError:
    hints = {
        errno.ENOSPC: "free some disk space, or 'qaml store prune'",
        errno.EDQUOT: "free some of your quota, or 'qaml store prune'",
        errno.EROFS: "the file system is read-only: name another folder with --qaml-store",
        errno.EACCES: "name a folder that you may write with --qaml-store",
        errno.ENOTDIR: "a file stands where the folder should be: name another with --qaml-store",
        errno.EEXIST: "a file stands where the folder should be: name another with --qaml-store",
    }
    reason = os.strerror(error.errno) if error.errno is not None else str(error)
    return StoreError(
        f"cannot write the artefact store {root}: {reason.lower()}", hints.get(error.errno or 0, "see --qaml-store")
    )
