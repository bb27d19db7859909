"""The artefact store: immutable results by content key, in plain formats, safe with several workers and after crashes.

An artefact is a folder ``artefacts/<key>`` with files and a manifest (their checksums, and where they come from). It is
written under a temporary name and moved into place, so it is complete or absent; correctness depends on that. Locks
only save work: the system releases them when a process dies.

Reading changes nothing and makes no folder. An artefact that is found damaged counts as absent from then on, and is
replaced when it is built again; one that cannot be read is an error and stays.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from qaml.errors import StoreError
from qaml.files.refusals import NotThere, cannot_read, cannot_write, content_of, digest_of, of_the_store, remove
from qaml.files.write import write_durably
from qaml.plan.environment import VARIABLE, state_of
from qaml.run.lock import AT_WORK, LOCK_NAME, give, take
from qaml.run.manifest import MANIFEST, MOST, FileEntry, Manifest, Unsound, parse

if TYPE_CHECKING:
    from filelock import BaseFileLock

DATA_RECORD = "dataset.json"
"""Name of the file in a dataset's artefact that describes its content."""
PROGRESS = "progress-"
"""Beginning of the name of the temporary folder with the progress of a session's workers; the session's id follows."""

_DATA = "data "
_KEY = re.compile(r"[0-9a-f]{64}")
_IN_PLACE = re.compile(r"artefacts[/\\]+..[/\\]+([0-9a-f]{64})[/\\]")
_TRIES = 10


class Damaged(StoreError):
    """An artefact does not match its manifest; it counts as absent and is rebuilt.

    Attributes:
        key: key of the artefact.
        is_gone: whether it was deleted, and is not damaged.
    """

    def __init__(self, key: str, message: str, hint: str = "", *, is_gone: bool = False) -> None:
        super().__init__(message, hint)
        self.key = key
        self.is_gone = is_gone


class _Identity(NamedTuple):
    """Identifies a manifest among those that have had the same path: inode, time in nanoseconds, size in bytes."""

    inode: int
    time_ns: int
    size: int


def new_session() -> str:
    """An id for a session, unique on all machines."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:12]}"


class Store:
    """A folder of artefacts, which is made when the first artefact is written.

    Args:
        root: folder of the store.
        session: id of the session that this worker belongs to.
        is_fresh: whether artefacts that other sessions made count as absent (``--qaml-refresh``).

    Raises:
        StoreError: ``root`` is a file.
    """

    def __init__(self, root: Path, session: str = "", *, is_fresh: bool = False) -> None:
        self.root = root
        self._artefacts = str(root / "artefacts")
        self.session = session
        self.is_fresh = is_fresh
        self._verified: dict[str, set[str]] = {}
        self._condemned: dict[str, _Identity | None] = {}
        self._records: dict[str, tuple[_Identity, str]] = {}
        self._is_at_work = False
        try:
            is_in_the_way = root.exists() and not root.is_dir()
        except OSError as error:
            raise cannot_read(root, error) from error
        if is_in_the_way:
            raise cannot_read(root, NotADirectoryError(errno.ENOTDIR, ""))

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            StoreError: they cannot be made or written.
        """
        try:
            for name in ("artefacts", "temporary", "locks", "checkpoints"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            probe = self.root / "temporary" / f"probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise cannot_write(self.root, error) from error

    def folder(self, key: str) -> Path:
        """The folder of the artefact with this key, which may be absent."""
        return self.root / "artefacts" / key[:2] / key

    def path_of(self, key: str) -> str:
        """The same folder as text, which is faster for 10⁵ keys."""
        return f"{self._artefacts}/{key[:2]}/{key}"

    def has(self, key: str) -> bool:
        """Whether the artefact is stored with a sound manifest, fresh if required, and made from the present sources.

        Raises:
            StoreError: the manifest cannot be read.
        """
        if key in self._condemned and self._condemned[key] == self._identity(key):
            return False
        try:
            manifest = parse(self._manifest_bytes(key), key)
        except (NotThere, Unsound):
            return False
        if self.is_fresh and manifest.session != self.session:
            return False
        return all(self._is_same(name, known) for name, known in manifest.sources.items())

    def _manifest_bytes(self, key: str) -> bytes:
        return content_of(f"{self.path_of(key)}/{MANIFEST}", MOST)

    def _is_same(self, name: str, known: str) -> bool:
        """Whether a source of an artefact is in its former state; an absent source is not compared."""
        if name.startswith(_DATA):
            now = self._record_digest(name.removeprefix(_DATA))
            return now is None or now == known
        if name.startswith(VARIABLE):
            return state_of(name) == known
        return is_same_file(Path(name), known)

    def _record_digest(self, key: str) -> str | None:
        """SHA-256 of a dataset's present record; its manifest is read again only if it is another one than before."""
        identity, known = self._identity(key), self._records.get(key)
        if known is not None and known[0] == identity:
            return known[1]
        try:
            digest = parse(self._manifest_bytes(key), key).files[DATA_RECORD].sha256
        except (NotThere, Unsound, KeyError):
            return None
        if identity is not None:
            self._records[key] = identity, digest
        return digest

    def sources(self, keys: Iterable[str]) -> dict[str, str]:
        """The sources of artefacts, which are files, variables and datasets' records → their states.

        A key covers what is declared. Everything else that a result depends on is noted with it, and with all artefacts
        that are made from it.
        """
        found: dict[str, str] = {}
        for key in keys:
            manifest = self.manifest(key)
            found |= manifest.sources
            if DATA_RECORD in manifest.files:
                found[_DATA + key] = manifest.files[DATA_RECORD].sha256
        return found

    def manifest(self, key: str) -> Manifest:
        """The manifest of an artefact.

        Raises:
            Damaged: there is none, or it is not this artefact's.
            StoreError: it cannot be read.
        """
        try:
            return parse(self._manifest_bytes(key), key)
        except NotThere as error:
            raise Damaged(key, f"artefact {key[:12]} is gone", is_gone=True) from error
        except Unsound as error:
            raise self._damaged(key, f"the manifest of artefact {key[:12]} is damaged: {error}") from error

    def read(self, key: str, name: str) -> Path:
        """The path of one file, whose checksum is verified (once a process).

        Raises:
            Damaged: the file is missing or changed, or the artefact is gone.
            StoreError: it cannot be read.
        """
        path = self.folder(key) / name
        verified = self._verified.setdefault(key, set())
        if name in verified and _is_there(path):
            return path
        manifest = self.manifest(key)
        if not verified:
            self._check_listing(key, manifest)
        entry = self._entry(manifest, name)
        try:
            is_sound = digest_of(path, entry.bytes) == entry.sha256
        except NotThere as error:
            raise self._damaged(key, f"{name} of artefact {key[:12]} is missing or no file") from error
        if not is_sound:
            raise self._damaged(key, f"{name} of artefact {key[:12]} is damaged: its checksum differs")
        verified.add(name)
        return path

    def read_bytes(self, key: str, name: str) -> bytes:
        """The content of one file, verified in memory, so that a change of the file after this call does no harm.

        Raises:
            Damaged: the file is missing or changed, or the artefact is gone.
            StoreError: it cannot be read.
        """
        manifest = self.manifest(key)
        self._check_listing(key, manifest)
        entry = self._entry(manifest, name)
        try:
            content = content_of(self.folder(key) / name, entry.bytes)
        except NotThere as error:
            raise self._damaged(key, f"{name} of artefact {key[:12]} is missing or no file") from error
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise self._damaged(key, f"{name} of artefact {key[:12]} is damaged: its checksum differs")
        return content

    def _entry(self, manifest: Manifest, name: str) -> FileEntry:
        if (entry := manifest.files.get(name)) is None:
            raise self._damaged(manifest.key, f"artefact {manifest.key[:12]} has no file {name}")
        return entry

    def _check_listing(self, key: str, manifest: Manifest) -> None:
        """Refuse files that the manifest does not list, except hidden ones, which systems and desktops make."""
        names = {name for name in listed(self.folder(key)) if not name.startswith(".")}
        if unlisted := sorted(names - manifest.files.keys() - {MANIFEST}):
            raise self._damaged(key, f"artefact {key[:12]} holds {unlisted[0][:80]!r}, which it does not list")

    def _damaged(self, key: str, message: str) -> Damaged:
        is_gone = self._identity(key) is None
        self.condemn(key)
        return Damaged(key, message, is_gone=is_gone)

    def condemn(self, key: str) -> None:
        """Count the artefact as absent until another one has replaced it."""
        self._condemned[key] = self._identity(key)
        self._verified.pop(key, None)

    def _identity(self, key: str) -> _Identity | None:
        try:
            found = os.stat(f"{self.path_of(key)}/{MANIFEST}")  # noqa: PTH116 - asked for each of 10⁵ artefacts
        except OSError:
            return None
        return _Identity(found.st_ino, found.st_mtime_ns, found.st_size)

    @contextmanager
    def writing(
        self, key: str, provenance: Mapping[str, Any], sources: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[Path]:
        """A temporary folder whose files become the artefact when the block ends without an exception.

        Args:
            key: key of the artefact.
            provenance: notes for people; read when the block ends.
            sources: what the artefact is made from and its key does not declare → its state; read when the block ends.

        Raises:
            StoreError: the disk is full, or the machine refuses to write for another reason.
        """
        temporary = self._temporary(key[:LOCK_NAME])
        try:
            self.begin()
            temporary.mkdir(parents=True)
            yield temporary
            files = {path.name: _entry(path) for path in sorted(temporary.iterdir())}
            manifest = Manifest(key, self.session, files, dict(sources), dict(provenance))
            write_durably(temporary / MANIFEST, manifest.to_bytes())
            self._move(temporary, self.folder(key))
            self._condemned.pop(key, None)
            self._verified.pop(key, None)
        except Exception as error:
            if (gone := self._gone(error, key, temporary)) is not None:
                raise gone from error
            if (refusal := of_the_store(error, self.root)) is not None:
                raise refusal from error
            raise
        finally:
            remove(temporary)

    def _gone(self, error: Exception, key: str, temporary: Path) -> Damaged | None:
        """The error of a step for which a file of the store was missing, as it was deleted meanwhile, or ``None``."""
        text = str(error)
        if not (isinstance(error, FileNotFoundError) or "FileNotFoundError" in text):
            return None
        if (found := _IN_PLACE.search(text)) is not None:
            return Damaged(found[1], f"artefact {found[1][:12]} is gone", is_gone=self._identity(found[1]) is None)
        return None if _is_there(temporary) else Damaged(key, f"the folder that {key[:12]} was written to is gone")

    def _temporary(self, what: str) -> Path:
        return self.root / "temporary" / f"{what}-{uuid.uuid4().hex}"

    def _move(self, temporary: Path, final: Path) -> None:
        """Move an artefact into place; one that is there is older than required, damaged, or equally good."""
        for last in [False] * _TRIES + [True]:
            try:
                final.parent.mkdir(parents=True, exist_ok=True)
                temporary.rename(final)
            except OSError as error:
                if last or error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise
            else:
                return
            former = self._temporary("replaced")
            with suppress(FileNotFoundError):
                final.rename(former)
            remove(former)

    @contextmanager
    def lock(self, key: str) -> Iterator[bool]:
        """Try to take the lock of a step, without waiting; the block receives whether it was free."""
        if (lock := take(self.root, key[:LOCK_NAME])) is None:
            yield False
            return
        try:
            yield True
        finally:
            give(lock)

    def begin(self) -> None:
        """Make the folders, and mark this session as running: its artefacts are not pruned before this process ends.

        Raises:
            StoreError: the folders cannot be made or written.
        """
        if self._is_at_work:
            return
        self.prepare()
        self._is_at_work = True
        if self.session and (lock := take(self.root, f"{AT_WORK}{self.session}.{uuid.uuid4().hex[:12]}")) is not None:
            weakref.finalize(self, _leave, lock, os.getpid())

    def checkpoint(self, key: str) -> Path:
        """The folder for what a step needs to resume; a fresh session has folders of its own."""
        return self.root / "checkpoints" / (f"{key}-{self.session}" if self.is_fresh else key)

    @property
    def devices(self) -> Path:
        """The folder of what devices were asked and answered; it may have been paid for, and is never pruned."""
        return self.root / "devices"

    def keys(self) -> list[str]:
        """The keys of all artefacts.

        Raises:
            StoreError: the folder cannot be read.
        """
        groups = self.root / "artefacts"
        return [key for group in listed(groups) for key in listed(groups / group) if is_key(key)]


def is_key(name: str) -> bool:
    """Whether the name of a folder is that of an artefact; other files beside artefacts are left alone."""
    return _KEY.fullmatch(name) is not None


def listed(folder: Path) -> list[str]:
    """The names in a folder, sorted; none if it is absent.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - a path for each of 10⁵ artefacts is slow
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise cannot_read(folder, error) from error


def _leave(lock: BaseFileLock, process: int) -> None:
    if os.getpid() == process:  # a fork does not release the lock of its parent
        give(lock)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _entry(path: Path) -> FileEntry:
    return FileEntry(file_digest(path), path.stat().st_size)


def file_state(path: Path) -> str:
    """SHA-256, size in bytes and time in nanoseconds of a file, separated by spaces.

    Raises:
        OSError: it cannot be read.
    """
    stat = path.stat()
    return f"{file_digest(path)} {stat.st_size} {stat.st_mtime_ns}"


def is_same_file(path: Path, state: str) -> bool:
    """Whether a file has the content of the state; one that is gone is not compared."""
    try:
        digest, size, time_ns = state.split()
        stat = path.stat()
        if (stat.st_size, stat.st_mtime_ns) == (int(size), int(time_ns)):
            return True
        return stat.st_size == int(size) and _digest_at(path, stat.st_size, stat.st_mtime_ns) == digest
    except OSError:
        return True
    except ValueError:  # the text is no state of a file
        return False


@cache
def _digest_at(path: Path, size: int, time_ns: int) -> str:  # noqa: ARG001
    return file_digest(path)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
