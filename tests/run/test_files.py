from __future__ import annotations

import os
from pathlib import Path

import pytest

from qaml.errors import StoreError
from qaml.files.checksum import Unsealed, seal, unseal
from qaml.files.write import write


def test_a_file_is_replaced_and_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "README.md").chmod(0o640)
    (tmp_path / "link").symlink_to("README.md")
    write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "README.md").read_text() == "new"
    assert (tmp_path / "README.md").stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StoreError, match=r"cannot write .*file: No space left on device"):
        write(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_device_or_a_pipe_is_no_place_for_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link", "."):
        with pytest.raises(StoreError, match=r"cannot write .*: Not a regular file but a (pipe|folder)"):
            write(tmp_path / name, "new")
    assert (tmp_path / "pipe").is_fifo()
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "link"}


def test_leftovers_of_killed_runs_are_deleted_once_they_are_old(tmp_path: Path) -> None:
    names = (".a.0123456789ab.qaml-tmp", ".b.0123456789ab.qaml-tmp", ".other.tmp")
    for name in names:
        (tmp_path / name).touch()
    for name in names[::2]:
        os.utime(tmp_path / name, (0, 0))
    write(tmp_path / "file", "new")
    assert {path.name for path in tmp_path.iterdir()} == {*names[1:], "file"}


def test_every_change_of_a_sealed_file_is_noticed() -> None:
    plain = '{\n "a": 1,\n "b": "ä"\n}\n'
    sealed = seal(plain).encode()
    assert unseal(sealed) == (plain.encode(), True)
    assert unseal(sealed.replace(b"\n", b"\r\n"))[1]
    for i in range(len(sealed)):
        for changed in (sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :], sealed[:i] + sealed[i + 1 :]):
            try:
                _, is_sealed = unseal(changed)
            except Unsealed:
                continue
            assert not is_sealed or changed == sealed
