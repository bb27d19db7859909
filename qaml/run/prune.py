"""Making room in a store, also while others work in it: what is gone, they build again."""

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
"""Seconds after which a temporary folder or a checkpoint that nobody has locked belongs to nobody."""
_TRASH = ("pruned-", "replaced-", "probe-")
"""What these temporary names begin with was on its way out."""
_KEY = 64
_NEVER = float("inf")


class Pruned(NamedTuple):
    """How much was, or would be, deleted: artefacts, and what dead processes left."""

    artefacts: int
    leftovers: int


def prune(store: Store, *, keep: frozenset[str] = frozenset(), older_than: float = 0.0, is_dry: bool = False) -> Pruned:
    """Delete artefacts that are not kept and were made more than ``older_than`` seconds ago, and old leftovers.

    Steps at work are left alone, and so is what sessions that are still at work have made. An artefact is moved away in
    one piece before it is deleted, so that nobody sees half of it.

    Args:
        store: to make room in.
        keep: keys of artefacts and checkpoints that stay.
        older_than: seconds.
        is_dry: only count.

    Raises:
        StoreError: the store cannot be read or written.
    """
    if not any(path.is_dir() for path in (store.root / "artefacts", store.root / "temporary")):
        return Pruned(0, 0)
    return _Pruning(store, keep, older_than, is_dry).run()


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
        """By the clock of the disk, which may be another machine's."""
        probe = self.store.root / "temporary" / f"probe-{uuid.uuid4().hex}"
        try:
            probe.touch()
            now = probe.stat().st_mtime
            probe.unlink()
        except OSError:
            return time.time()
        return now

    def run(self) -> Pruned:
        artefacts, keys = 0, self.store.keys()
        for key in keys:
            if self._is_wanted(key):
                continue
            folder = self.store.path_of(key)
            if self._is_old(folder) and not self._is_at_work(key):
                artefacts += self._delete(folder)
        leftovers = sum([self._delete(str(path)) for path in self._leftovers()])
        remove(Path(self.trash))
        return Pruned(artefacts, leftovers)

    def _is_wanted(self, key: str) -> bool:
        return key in self.keep or key[:LOCK_NAME] in self.held

    def _is_old(self, folder: str) -> bool:
        return self.limit == _NEVER or _made(f"{folder}/{MANIFEST}", folder) <= self.limit

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
        """Tells whether it is, or would be, gone by our doing."""
        if self.is_dry:
            return True
        target = f"{self.trash}/{Path(path).name}"
        for _ in range(2):
            try:
                os.rename(path, target)  # noqa: PTH104 - paths of 10⁵ artefacts are slow, here and below
            except FileNotFoundError:  # another prune was as fast, or took the folder that we move things to
                Path(self.trash).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise cannot_write(self.store.root, error) from error
            else:
                _remove_flat(target)
                return True
        return False


def _made(*paths: str | Path) -> float:
    """When the first of these that is there was changed; long ago, where none is."""
    for path in paths:
        try:
            return os.lstat(path).st_mtime
        except OSError:
            continue
    return 0.0


def _remove_flat(folder: str) -> None:
    """A third of the time of ``rmtree`` for a folder of files."""
    try:
        for name in os.listdir(folder):  # noqa: PTH208
            os.unlink(f"{folder}/{name}")  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106
    except OSError:
        remove(Path(folder))
