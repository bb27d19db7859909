"""The store: whole or absent, damage noticed, clear errors."""

import errno
import json
import os
import time
from pathlib import Path

import pytest

from qaml.errors import StoreError
from qaml.run.store import LEFTOVER, Damaged, Store

KEY = "ab" + "0" * 62
OTHER = "cd" + "1" * 62


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write(store: Store, key: str = KEY, content: str = "hello") -> None:
    with store.writing(key, {"kind": "train"}) as folder:
        (folder / "a.txt").write_text(content)


def test_an_artefact_is_read_back_equal(store: Store) -> None:
    assert not store.has(KEY)
    write(store)
    assert store.has(KEY)
    assert store.read(KEY, "a.txt").read_text() == "hello"
    assert store.manifest(KEY)["provenance"] == {"kind": "train"}


def test_an_exception_leaves_nothing(store: Store) -> None:
    def write_half() -> None:
        with store.writing(KEY, {}) as folder:
            (folder / "a.txt").write_text("half")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_half()
    assert not store.has(KEY)
    assert list((store.root / "temporary").iterdir()) == []


@pytest.mark.parametrize("damage", ["content", "missing", "manifest"])
def test_damage_is_noticed_and_the_artefact_set_aside(store: Store, damage: str) -> None:
    write(store)
    folder = store.folder(KEY)
    if damage == "content":
        (folder / "a.txt").write_text("hellO")
    elif damage == "missing":
        (folder / "a.txt").unlink()
    else:
        (folder / "manifest.json").write_text("{")
    with pytest.raises(Damaged) as caught:
        Store(store.root).read(KEY, "a.txt")
    assert caught.value.key == KEY
    assert not store.has(KEY)


def test_an_unknown_file_is_damage(store: Store) -> None:
    write(store)
    with pytest.raises(Damaged, match=r"b\.txt"):
        store.read(KEY, "b.txt")


def test_writing_again_replaces(store: Store) -> None:
    write(store)
    assert store.read(KEY, "a.txt").read_text() == "hello"
    write(store, content="new")
    assert store.read(KEY, "a.txt").read_text() == "new"


def test_refresh_ignores_what_is_older(store: Store) -> None:
    write(store)
    old = time.time() - 100
    os.utime(store.folder(KEY) / "manifest.json", (old, old))
    fresh = Store(store.root, fresh_since=time.time() - 50)
    assert not fresh.has(KEY)
    write(fresh)
    assert fresh.has(KEY)


def test_a_lock_is_held_by_one(store: Store) -> None:
    with store.lock(KEY) as first, Store(store.root).lock(KEY) as second:
        assert (first, second) == (True, False)
    with store.lock(KEY) as again:
        assert again


def test_usage_and_prune(store: Store) -> None:
    write(store)
    write(store, OTHER, "hello again")
    (usage,) = store.usage()
    assert (usage.kind, usage.artefacts, usage.size) == ("train", 2, 16)
    for name, age in {"left": LEFTOVER + 60, "at-work": 60}.items():
        (store.root / "temporary" / name).mkdir()
        os.utime(store.root / "temporary" / name, (time.time() - age,) * 2)
    assert store.prune(keep=frozenset({KEY})) == 1
    assert store.keys() == [KEY]
    assert [path.name for path in (store.root / "temporary").iterdir()] == ["at-work"]


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot write the artefact store") as caught:
        Store(tmp_path / "store")
    assert "--qaml-store" in caught.value.hint


def test_a_full_disk_is_a_clear_error(store: Store) -> None:
    with pytest.raises(StoreError, match="no space left on device") as caught, store.writing(KEY, {}):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "free some disk space" in caught.value.hint
    assert not store.has(KEY)


def test_the_manifest_is_plain_json(store: Store) -> None:
    write(store)
    content = json.loads((store.folder(KEY) / "manifest.json").read_text())
    assert content["key"] == KEY
    assert content["files"]["a.txt"]["bytes"] == 5
