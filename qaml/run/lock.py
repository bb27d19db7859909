"""Locks of the store: the system releases them when a process dies, and they leave no files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qaml.files.refusals import cannot_write

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_NAME = 32
"""Characters of a key that its lock and its temporary folders are named by."""
AT_WORK = "session-"
"""What the locks of sessions at work begin with; then their id, a point, and something of each process's own."""
_SUFFIX = ".lock"


def take(root: Path, name: str) -> BaseFileLock | None:
    """A lock of the store at ``root``, or nothing where somebody has it.

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

    The file goes first, while the lock is held: who opened it meanwhile holds a file without a name, which filelock
    does not take for a lock (it looks at the number of links), and tries again with a new one.
    """
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()


def held(root: Path) -> frozenset[str]:
    """The names of the locks that somebody has; the files of the others are deleted.

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
    """The ids of the sessions at work, by the locks that are held."""
    return frozenset(name[len(AT_WORK) :].rpartition(".")[0] for name in names if name.startswith(AT_WORK))
