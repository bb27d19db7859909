"""Deletion of artefacts from a store, also while other processes use it: they build again what they need."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from qaml.files.refusals import cannot_write, remove
from qaml.run.lock import LOCK_NAME, held, sessions
from qaml.run.manifest import MANIFEST
from qaml.run.store import PROGRESS, Damaged, Store, listed

LEFTOVER = 6 * 3600
"""Seconds after which a temporary folder or a checkpoint without a lock counts as left by a dead process."""
_TRASH = ("pruned-", "replaced-", "probe-")
"""Beginnings of the names of temporary folders that were being deleted."""
_KEY = 64
_NEVER = float("inf")


class Pruned(NamedTuple):
    """Numbers of artefacts and of dead processes' leftovers that were deleted, or would be."""

    artefacts: int
    leftovers: int


def prune(
    store: Store,
    *,
    keep: frozenset[str] = frozenset(),
    older_than: float = 0.0,
    most: float = float("inf"),
    is_dry: bool = False,
) -> Pruned:
    """Delete artefacts that are not kept and were made more than ``older_than`` seconds ago, and old leftovers.

    Steps that are running keep their files, and so do artefacts of sessions that are running. An artefact is moved away
    in one piece before it is deleted, so that no process sees half of it.

    Args:
        store: the store to delete from.
        keep: keys of artefacts and checkpoints that are not deleted.
        older_than: smallest age in seconds of what is deleted.
        most: largest size of the artefacts that stay, in bytes; beyond it the oldest ones are deleted, kept or not.
        is_dry: whether to count only, and delete nothing.

    Raises:
        StoreError: the store cannot be read or written.
    """
    if not any(path.is_dir() for path in (store.root / "artefacts", store.root / "temporary")):
        return Pruned(0, 0)
    return _Pruning(store, keep, older_than, is_dry).run(most)


class _Pruning:
    def __init__(self, store: Store, keep: frozenset[str], older_than: float, is_dry: bool) -> None:
        self.store = store
        self.keep = keep
        self.is_dry = is_dry
        self.held = held(store.root)
        self.sessions = sessions(self.held)
        self.trash = str(store.root / "temporary" / f"{_TRASH[0]}{uuid.uuid4().hex}")
        now = self._now()
        self.limit = now - older_than if older_than else _NEVER
        self.leftover_limit = now - max(older_than, LEFTOVER)

    def _now(self) -> float:
        """The present time by the clock of the disk, which may be another machine's, in seconds since the epoch."""
        probe = self.store.root / "temporary" / f"probe-{uuid.uuid4().hex}"
        try:
            probe.touch()
            now = probe.stat().st_mtime
            probe.unlink()
        except OSError:
            return time.time()
        return now

    def run(self, most: float) -> Pruned:
        keys = list(self.store.keys())
        gone = [key for key in keys if not self._is_wanted(key) and self._is_old(key) and not self._is_at_work(key)]
        if most < _NEVER:
            gone += self._beyond(most, set(keys).difference(gone))
        artefacts = sum([self._delete(self.store.path_of(key)) for key in gone])
        leftovers = sum([self._delete(str(path)) for path in self._leftovers()])
        remove(Path(self.trash))
        return Pruned(artefacts, leftovers)

    def _is_wanted(self, key: str) -> bool:
        return key in self.keep or key[:LOCK_NAME] in self.held

    def _beyond(self, most: float, keys: set[str]) -> Iterator[str]:
        """The oldest of these artefacts, until the others have at most ``most`` bytes; none that is in use."""
        sizes = {key: _size(self.store.path_of(key)) for key in keys}
        total = sum(sizes.values())
        for key in sorted(keys, key=self._made):
            if total <= most:
                return
            if key[:LOCK_NAME] not in self.held and not self._is_at_work(key):
                total -= sizes[key]
                yield key

    def _made(self, key: str) -> float:
        folder = self.store.path_of(key)
        return _made(f"{folder}/{MANIFEST}", folder)

    def _is_old(self, key: str) -> bool:
        return self.limit == _NEVER or self._made(key) <= self.limit

    def _is_at_work(self, key: str) -> bool:
        if not self.sessions:
            return False
        try:
            return self.store.manifest(key).session in self.sessions
        except Damaged:
            return False

    def _leftovers(self) -> Iterator[Path]:
        root = self.store.root
        for name in listed(root / "temporary"):
            path = root / "temporary" / name
            owner, _, _ = name.rpartition("-")
            is_busy = owner in self.held or name.removeprefix(PROGRESS) in self.sessions
            if (
                str(path) != self.trash
                and not is_busy
                and (name.startswith(_TRASH) or _made(path) <= self.leftover_limit)
            ):
                yield path
        for name in listed(root / "checkpoints"):
            path, key = root / "checkpoints" / name, name[:_KEY]
            if not self._is_wanted(key) and _made(path) <= self.leftover_limit:
                yield path

    def _delete(self, path: str) -> bool:
        """Delete a folder or a file; returns whether this call deleted it, or would have."""
        if self.is_dry:
            return True
        target = f"{self.trash}/{Path(path).name}"
        for _ in range(2):
            try:
                os.rename(path, target)  # noqa: PTH104 - paths of 10⁵ artefacts are slow, here and below
            except FileNotFoundError:  # another prune deleted it, or the folder that it is moved to
                Path(self.trash).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise cannot_write(self.store.root, error) from error
            else:
                _remove_flat(target)
                return True
        return False


def _size(folder: str) -> int:
    """Size in bytes of the files of an artefact, which another process may delete meanwhile."""
    return sum(_length(f"{folder}/{name}") for name in listed(Path(folder)))


def _length(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _made(*paths: str | Path) -> float:
    """Time when the first of these paths that exists was changed, in seconds since the epoch; 0 if none exists."""
    for path in paths:
        try:
            return os.lstat(path).st_mtime
        except OSError:
            continue
    return 0.0


def _remove_flat(folder: str) -> None:
    """Delete a folder of files, in a third of the time of ``rmtree``."""
    try:
        for name in os.listdir(folder):  # noqa: PTH208
            os.unlink(f"{folder}/{name}")  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106
    except OSError:
        remove(Path(folder))
