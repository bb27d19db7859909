"""The store: whole or absent, damage noticed, refusals told, and nothing changed by looking."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qaml.errors import QamlError, RunError, StoreError
from qaml.run.store import DATA_RECORD, Damaged, Store
from qaml.run.usage import Usage, usage
from tests.run.damages import DAMAGES, flip

KEY = "ab" + "0" * 62
OTHER = "cd" + "1" * 62
KEYS = (KEY, OTHER, "ab" + "2" * 62)
REFUSALS = [errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write(store: Store, key: str = KEY, content: str = "hello") -> None:
    with store.writing(key, {"kind": "train"}) as folder:
        (folder / "a.txt").write_text(content)
        (folder / "b.txt").write_text(f"more of {key}")


def read(store: Store, key: str = KEY) -> tuple[str, str]:
    return store.read(key, "a.txt").read_text(), store.read_bytes(key, "b.txt").decode()


def test_an_artefact_is_read_back_equal(store: Store) -> None:
    assert not store.has(KEY)
    write(store)
    assert store.has(KEY)
    assert read(store) == ("hello", f"more of {KEY}")
    assert store.manifest(KEY).provenance == {"kind": "train"}


def test_an_exception_leaves_nothing(store: Store) -> None:
    def write_half() -> None:
        with store.writing(KEY, {}) as folder:
            (folder / "a.txt").write_text("half")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_half()
    assert not store.has(KEY)
    assert list((store.root / "temporary").iterdir()) == []


def test_looking_makes_no_folder(store: Store) -> None:
    assert not store.has(KEY)
    assert store.keys() == []
    assert usage(store) == []
    with pytest.raises(Damaged, match="gone") as caught:
        store.read(KEY, "a.txt")
    assert caught.value.is_gone
    assert not store.root.exists()


@pytest.mark.parametrize("name", ["manifest.json", "a.txt", "b.txt"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_and_repaired_and_the_others_stay(store: Store, damage: str, name: str) -> None:
    for key in KEYS:
        write(store, key, f"content of {key}")
    sound = {key: read(store, key) for key in KEYS}
    DAMAGES[damage](store.folder(KEY) / name)
    worker = Store(store.root)
    usage(worker)
    found = set()
    for key in KEYS:
        try:
            assert read(worker, key) == sound[key]
        except Damaged as error:
            found.add(error.key)
            assert not worker.has(key)
    assert found == {KEY}
    with pytest.raises(Damaged):
        Store(store.root).read_bytes(KEY, "a.txt" if name == "manifest.json" else name)
    write(worker, KEY, f"content of {KEY}")
    assert all(worker.has(key) and read(worker, key) == sound[key] for key in KEYS)
    assert all(read(Store(store.root), key) == sound[key] for key in KEYS)
    assert list((store.root / "temporary").iterdir()) == []


def test_hidden_files_are_the_system_s(store: Store) -> None:
    write(store)
    (store.folder(KEY) / ".DS_Store").write_text("")
    assert read(store) == ("hello", f"more of {KEY}")


@pytest.mark.parametrize("number", REFUSALS, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("call", ["open", "listdir"])
def test_what_cannot_be_read_is_told_and_stays(
    store: Store, number: int, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store)
    before = sorted(path for path in store.root.rglob("*"))
    original = getattr(os, call)

    def refuses(path: Any, *arguments: Any, **options: Any) -> Any:
        if "artefacts" in str(path):
            raise OSError(number, os.strerror(number), str(path))
        return original(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuses)
        asked: list[Callable[[], object]] = [lambda: usage(store), lambda: store.read(KEY, "a.txt")]
        if call == "open":
            asked += [
                lambda: store.has(KEY),
                lambda: store.sources([KEY]),
                lambda: store.read_bytes(KEY, "a.txt"),
            ]
        for ask in asked:
            with pytest.raises(StoreError, match=f"cannot read .*: {os.strerror(number).lower()}") as caught:
                ask()
            assert not isinstance(caught.value, Damaged)
            assert caught.value.hint
    assert sorted(path for path in store.root.rglob("*")) == before
    assert read(store) == ("hello", f"more of {KEY}")


def as_stranger(ask: Callable[[], object]) -> str:
    """What a process without the rights of the superuser is told."""
    out, into = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            text = str(ask())
        except QamlError as error:
            text = str(error)
        except BaseException as error:
            text = f"traceback: {error!r}"
        os.write(into, text.encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return text


def test_another_user_s_store_is_told_and_stays(store: Store) -> None:
    write(store)
    folder = store.folder(KEY)
    folder.chmod(0)
    try:
        for told in (as_stranger(lambda: Store(store.root).has(KEY)), as_stranger(lambda: usage(store))):
            assert told.startswith(f"cannot read {store.root}")
            assert "permission denied" in told
            assert "hint: ask its owner" in told
    finally:
        folder.chmod(0o755)
    assert read(store) == ("hello", f"more of {KEY}")


def test_a_read_only_store_is_read() -> None:
    with tempfile.TemporaryDirectory() as name:  # one that strangers may enter
        place = Path(name)
        place.chmod(0o755)
        store = Store(place / "store")
        write(store)
        assert as_stranger(lambda: Store(store.root).has(KEY)) == "True"
        assert as_stranger(lambda: read(Store(store.root))) == str(("hello", f"more of {KEY}"))
        for path in [place, *place.rglob("*")]:
            path.chmod(0o555)
        assert as_stranger(lambda: usage(store)) == str([Usage("train", 1, 77)])
        assert "cannot write the artefact store" in as_stranger(lambda: write(Store(store.root), OTHER))
        for path in [place, *place.rglob("*")]:
            path.chmod(0o755)


def test_a_file_that_it_does_not_have_is_damage(store: Store) -> None:
    write(store)
    with pytest.raises(Damaged, match=r"has no file c\.txt") as caught:
        store.read(KEY, "c.txt")
    assert not caught.value.is_gone


def test_writing_again_replaces(store: Store) -> None:
    write(store)
    assert read(store)[0] == "hello"
    write(store, content="new")
    assert read(store)[0] == "new"


def test_damage_that_another_worker_has_repaired_is_none(store: Store) -> None:
    write(store)
    worker = Store(store.root)
    flip(store.folder(KEY) / "a.txt", 0)
    with pytest.raises(Damaged):
        worker.read(KEY, "a.txt")
    assert not worker.has(KEY)
    write(store)
    assert worker.has(KEY)
    assert read(worker)[0] == "hello"


def test_what_a_fresh_session_made_is_known_by_its_name_and_not_by_the_time(store: Store) -> None:
    write(store)
    ours, colleague = (Store(store.root, "refreshing", is_fresh=True) for _ in range(2))
    assert not ours.has(KEY)
    write(ours)
    for old in (0, 2**33):  # clocks of machines differ
        os.utime(store.folder(KEY) / "manifest.json", (old, old))
        assert ours.has(KEY)
        assert colleague.has(KEY)
    assert Store(store.root, "later").has(KEY)
    assert not Store(store.root, "again", is_fresh=True).has(KEY)


def test_a_fresh_session_believes_its_own_checkpoints_alone(store: Store) -> None:
    fresh, same = (Store(store.root, "refreshing", is_fresh=True) for _ in range(2))
    assert fresh.checkpoint(KEY) == same.checkpoint(KEY)
    assert fresh.checkpoint(KEY) not in {store.checkpoint(KEY), Store(store.root, "x", is_fresh=True).checkpoint(KEY)}


def test_what_was_made_of_a_dataset_is_asked_about_with_one_reading_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(content: str) -> None:
        with store.writing(KEY, {}) as folder:
            (folder / DATA_RECORD).write_text(content)

    load("as it was")
    trained = [f"{n:064x}" for n in range(9)]
    for key in trained:
        with store.writing(key, {}, store.sources([KEY])) as folder:
            (folder / "a.txt").write_text("trained")
    later, read = Store(store.root), Counter[str]()
    bytes_of = later._manifest_bytes
    monkeypatch.setattr(later, "_manifest_bytes", lambda key: read.update([key]) or bytes_of(key))
    assert all(map(later.has, trained))
    assert read[KEY] == 1
    load("otherwise")
    assert not any(map(later.has, trained))
    load("as it was")
    assert all(map(later.has, trained))


def test_a_lock_is_held_by_one(store: Store) -> None:
    with store.lock(KEY) as first, Store(store.root).lock(KEY) as second:
        assert (first, second) == (True, False)
    with store.lock(KEY) as again:
        assert again
    assert list((store.root / "locks").iterdir()) == []


def test_usage(store: Store) -> None:
    for key in KEYS:
        write(store, key)
    flip(store.folder(KEY) / "manifest.json", 0.5)
    (store.root / "artefacts" / "notes").mkdir()
    assert usage(store) == [Usage("train", 2, 2 * 77), Usage("damaged", 1, 0)]


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path, store: Store) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot read .*store: not a directory") as caught:
        Store(tmp_path / "store")
    assert "--qaml-store" in caught.value.hint
    for ask in (store.prepare, lambda: write(store)):
        with pytest.raises(StoreError, match="cannot write the artefact store") as caught:
            ask()
        assert "--qaml-store" in caught.value.hint


class CompiledError(Exception):
    """What a library in another language raises."""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        CompiledError("Error while serializing: I/O error: No space left on device (os error 28)"),
        CompiledError("OSError: [Errno 28] No space left on device: 'x'"),
    ],
    ids=["plain", "compiled", "from another process"],
)
def test_a_full_disk_is_a_clear_error(store: Store, error: Exception) -> None:
    with pytest.raises(StoreError, match="no space left on device") as caught, store.writing(KEY, {}):
        raise error
    assert "free some disk space" in caught.value.hint
    assert not store.has(KEY)


@pytest.mark.parametrize("error", [PermissionError(13, "no", "/elsewhere"), OSError("what"), RunError("[Errno 28]")])
def test_a_step_s_own_errors_are_not_the_store_s(store: Store, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, store.writing(KEY, {}):
        raise error
    assert caught.value is error


def test_who_finds_an_artefact_gone_is_told_which(store: Store) -> None:
    write(store)
    path = store.read(KEY, "a.txt")
    shutil.rmtree(store.folder(KEY))
    with pytest.raises(Damaged) as caught, store.writing(OTHER, {}):
        path.read_text()
    assert (caught.value.key, caught.value.is_gone) == (KEY, True)


def test_a_temporary_folder_that_is_gone_is_no_error_of_the_step(store: Store) -> None:
    def lose() -> None:
        with store.writing(KEY, {}) as folder:
            shutil.rmtree(folder)
            (folder / "a.txt").write_text("too late")

    with pytest.raises(Damaged) as caught:
        lose()
    assert (caught.value.key, caught.value.is_gone) == (KEY, False)  # counted: its own code may have deleted it


def test_what_a_step_misses_in_its_own_checkpoint_is_its_own_error(store: Store) -> None:
    with pytest.raises(FileNotFoundError), store.writing(KEY, {}):
        (store.checkpoint(KEY) / "state").read_text()
