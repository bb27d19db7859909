"""Making room: what is locked, young, or made by a session at work stays; nobody sees half an artefact."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from qaml.errors import StoreError
from qaml.run.lock import LOCK_NAME, give, held, take
from qaml.run.progress import Reporter, Status, progress_folder
from qaml.run.prune import LEFTOVER, Pruned, prune
from qaml.run.store import Store

KEY = "ab" + "0" * 62
OTHER = "cd" + "1" * 62
THIRD = "cd" + "2" * 62


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for key in (KEY, OTHER):
        write(store, key)
    return store


def write(store: Store, key: str) -> None:
    with store.writing(key, {"kind": "train"}) as folder:
        (folder / "a.txt").write_text("hello")


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def leave(store: Store, *names: str, seconds: float = LEFTOVER + 60) -> None:
    for name in names:
        (store.root / name).mkdir(parents=True)
        (store.root / name / "file").write_text("")
        age(store.root / name, seconds)


def left(store: Store, where: str) -> list[str]:
    return sorted(path.name for path in (store.root / where).iterdir())


def test_what_is_not_kept_goes(store: Store) -> None:
    assert prune(store, keep=frozenset({KEY})) == Pruned(1, 0)
    assert store.keys() == [KEY]
    assert store.has(KEY)
    assert left(store, "temporary") == []


def test_a_dry_run_only_counts(store: Store) -> None:
    leave(store, "temporary/old")
    before = sorted(store.root.rglob("*"))
    assert prune(store, keep=frozenset({KEY}), is_dry=True) == Pruned(1, 1)
    assert sorted(store.root.rglob("*")) == before


def test_nothing_is_made_where_there_is_no_store(tmp_path: Path) -> None:
    assert prune(Store(tmp_path / "none")) == Pruned(0, 0)
    assert list(tmp_path.iterdir()) == []


def test_what_is_young_stays(store: Store) -> None:
    age(store.folder(KEY) / "manifest.json", 100)
    assert prune(store, older_than=50).artefacts == 1
    assert store.keys() == [OTHER]


def test_beyond_a_size_the_oldest_go_needed_or_not(store: Store) -> None:
    write(store, THIRD)
    for number, key in enumerate((OTHER, KEY, THIRD)):
        age(store.folder(key) / "manifest.json", 300 - 100 * number)
    each = sum(path.stat().st_size for path in store.folder(KEY).iterdir())
    everything = frozenset({KEY, OTHER, THIRD})
    assert prune(store, keep=everything, most=3 * each).artefacts == 0
    assert prune(store, keep=everything, most=2 * each).artefacts == 1
    assert store.keys() == [KEY, THIRD]
    lock = take(store.root, KEY[:LOCK_NAME])
    assert lock is not None
    assert prune(store, keep=everything, most=0).artefacts == 1
    assert store.keys() == [KEY]
    give(lock)


def test_without_an_age_clocks_do_not_matter(store: Store) -> None:
    age(store.folder(KEY) / "manifest.json", -1000)
    assert prune(store).artefacts == 2


def test_what_is_locked_stays_however_old(store: Store) -> None:
    leave(store, f"temporary/{KEY[:LOCK_NAME]}-1", f"temporary/{OTHER[:LOCK_NAME]}-1", f"checkpoints/{KEY}")
    leave(store, f"checkpoints/{OTHER}", f"checkpoints/{KEY}-session")
    with store.lock(KEY):
        assert prune(store) == Pruned(1, 2)
    assert store.keys() == [KEY]
    assert left(store, "temporary") == [f"{KEY[:LOCK_NAME]}-1"]
    assert left(store, "checkpoints") == [KEY, f"{KEY}-session"]


def test_leftovers_go_when_they_are_old(store: Store) -> None:
    leave(store, "temporary/left", f"checkpoints/{THIRD}", f"checkpoints/{KEY}")
    leave(store, "temporary/at-work", f"checkpoints/{'ef' * 32}", seconds=60)
    leave(store, "temporary/pruned-1", "temporary/replaced-1", seconds=0)  # on their way out
    (store.root / "temporary" / "probe-1").touch()
    assert prune(store, keep=frozenset({KEY, OTHER})) == Pruned(0, 5)
    assert left(store, "temporary") == ["at-work"]
    assert left(store, "checkpoints") == [KEY, "ef" * 32]  # an interrupted run of the specs goes on from its own


def test_what_a_session_at_work_made_stays(store: Store) -> None:
    working = Store(store.root, "at-work-1")
    write(working, THIRD)
    Reporter(progress_folder(store.root, "at-work-1"), "gw0").report(Status("gw0", "", 0, "", 0, 1), force=True)
    age(progress_folder(store.root, "at-work-1"), LEFTOVER + 60)
    assert prune(store).artefacts == 2
    assert store.keys() == [THIRD]
    del working
    assert prune(store) == Pruned(1, 1)
    assert left(store, "locks") == left(store, "temporary") == []


def test_a_folder_without_a_manifest_goes_like_the_others(store: Store) -> None:
    (store.folder(KEY) / "manifest.json").unlink()
    assert prune(store, keep=frozenset({OTHER})).artefacts == 1
    assert store.keys() == [OTHER]


def test_what_others_delete_meanwhile_is_no_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store, THIRD)
    rename, others = os.rename, Store(store.root)

    def renaming(path: str, target: str) -> None:
        if path.endswith(KEY):  # another prune was as fast
            monkeypatch.undo()
            prune(others, keep=frozenset({THIRD}))
        rename(path, target)

    monkeypatch.setattr(os, "rename", renaming)
    assert prune(store) == Pruned(1, 0)
    assert store.keys() == []


def test_a_refusal_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(path: str, target: str) -> Any:
        raise OSError(errno.EACCES, "no", path, None, target)

    monkeypatch.setattr(os, "rename", refuses)
    with pytest.raises(StoreError, match=r"cannot write the artefact store .*: permission denied"):
        prune(store)
    assert store.has(KEY)


DYING = """
import os, signal, sys
from pathlib import Path
from qaml.run.store import Store

store = Store(Path(sys.argv[1]), "dying")
with store.lock(sys.argv[2]), store.writing(sys.argv[2], {}):
    print("at work", flush=True)
    sys.stdin.read()
"""


def test_locks_of_the_dead_go_and_those_of_the_living_stay(store: Store) -> None:
    arguments = [sys.executable, "-c", DYING, str(store.root), THIRD]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"at work\n"
        names = held(store.root)
        assert THIRD[:LOCK_NAME] in names
        assert sum(name.startswith("session-dying.") for name in names) == 1
        (temporary,) = left(store, "temporary")
        age(store.root / "temporary" / temporary, LEFTOVER + 60)
        prune(store)
        assert left(store, "temporary") == [temporary]
        worker.kill()
    assert len(left(store, "locks")) == 2
    assert prune(store) == Pruned(0, 1)
    assert left(store, "locks") == left(store, "temporary") == []


def test_a_folder_in_the_place_of_a_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "locks" / "a.lock").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"cannot write the lock .*a\.lock: is a directory"):
        take(tmp_path, "a")


def test_a_lock_whose_file_was_pruned_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opened the file before it went must not hold what nobody else can see."""
    first = take(tmp_path, "a")
    assert first is not None
    opened, late = os.open, list[Any]()

    def opening(path: Any, *arguments: Any, **options: Any) -> int:
        descriptor = opened(path, *arguments, **options)
        if str(path).endswith("a.lock") and not late:
            late.append(path)
            give(first)  # between the other's opening and its locking
        return descriptor

    monkeypatch.setattr(os, "open", opening)
    second = take(tmp_path, "a")
    assert late
    if second is not None:
        assert (tmp_path / "locks" / "a.lock").exists()
    third = take(tmp_path, "a")
    assert third is None or second is None
