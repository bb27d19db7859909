"""Locks of the store: the system releases them when a process dies, and they leave no files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qaml.files.refusals import cannot_write

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_NAME = 32
"""Number of characters of a key in the names of its lock and of its temporary folders."""
AT_WORK = "session-"
"""Beginning of the names of the locks that running sessions hold; their id, a full stop and a random text follow."""
_SUFFIX = ".lock"


def take(root: Path, name: str) -> BaseFileLock | None:
    """Take a lock of the store at ``root``; ``None`` if another process holds it.

    Raises:
        StoreError: the store cannot be written.
    """
    from filelock import FileLock, Timeout

    folder = root / "locks"
    lock = FileLock(folder / f"{name}{_SUFFIX}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(root, error) from error
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    except OSError as error:
        raise cannot_write(Path(lock.lock_file), error, "the lock") from error
    return lock


def give(lock: BaseFileLock) -> None:
    """Release a lock and delete its file.

    The file is deleted first, while the lock is held. A process that has opened it meanwhile has a file without a name,
    which filelock does not accept as a lock (it checks the number of links), and tries again with a new file.
    """
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()


def held(root: Path) -> frozenset[str]:
    """The names of the locks that a process holds; the files of the others are deleted.

    Raises:
        StoreError: the store cannot be written.
    """
    found = set()
    for path in sorted((root / "locks").glob(f"*{_SUFFIX}")):
        name = path.name.removesuffix(_SUFFIX)
        if (lock := take(root, name)) is None:
            found.add(name)
        else:
            give(lock)
    return frozenset(found)


def sessions(names: frozenset[str]) -> frozenset[str]:
    """The ids of the running sessions, from the names of the locks that are held."""
    return frozenset(name[len(AT_WORK) :].rpartition(".")[0] for name in names if name.startswith(AT_WORK))
