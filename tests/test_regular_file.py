"""Whatever a spec, a command or a variable names as a file: devices, pipes and folders end in a word, at once."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qaml.data.celeba.lists import read_partition
from qaml.data.pinned_file import uncompressed
from qaml.errors import QamlError
from qaml.files.regular import as_written, digest_regular, open_regular, read_regular
from qaml.gate.baseline import read_baseline
from qaml.models.weights_part import Weights, verified
from qaml.plan.environment import state_of
from qaml.samplers.annealer.embedding.chains import read_chains
from qaml.samplers.annealer.part import GivenChains, Recording
from qaml.samplers.annealer.tape import Tape
from qaml.spec.load import find_specs, load_suite

ANY = 64 * "0"
READERS: dict[str, Callable[[Path], Any]] = {
    "spec": lambda path: load_suite(path, "quick"),
    "weights": lambda path: verified(Weights(path=str(path), sha256=ANY)),
    "chains": lambda path: read_chains(GivenChains(path=str(path), sha256=ANY)),
    "recording": lambda path: Tape(Recording(path=str(path), sha256=ANY)),
    "baseline": read_baseline,
    "images of a data set": lambda path: uncompressed(path, 100, ""),
    "list of a data set": read_partition,
}


@pytest.fixture(params=["pipe", "folder", "socket", "device", "link to a device", "link to itself", "kernel"])
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Something with a name that is no file to read."""
    path = tmp_path / "odd"
    match request.param:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            monkeypatch.chdir(tmp_path)  # names of sockets are short
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind("odd")
        case "device":
            path = Path("/dev/zero")
        case "link to a device":
            path.symlink_to("/dev/zero")
        case "link to itself":
            path.symlink_to(path)
        case "kernel":
            path = Path("/proc/self/mem")
    return path


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused_in_words(reader: str, odd: Path) -> None:
    with pytest.raises(QamlError) as caught:
        READERS[reader](odd)
    assert "Traceback" not in str(caught.value)
    assert caught.value.message


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["\0", "a\0b", "x" * 5000, "~nobody-of-this-name/x", "no/such/folder/x"])
def test_names_of_nothing_are_refused_in_words(reader: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(QamlError):
        READERS[reader](tmp_path / name)


def test_a_spec_in_a_pipe_is_refused_with_what_to_do(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(QamlError, match=r"Not a regular file but a pipe\n(.*\n)*  hint: save it as a file, and name"):
        load_suite(tmp_path / "pipe", "quick")


@pytest.mark.parametrize("name", ["\0", "x" * 5000, "\udcff", "loop/x"])
def test_a_command_names_what_there_is(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(QamlError) as caught:
        find_specs([tmp_path / name])
    assert str(caught.value).isprintable() or "\n" in str(caught.value)


def test_what_is_said_to_be_read_is_a_file_a_folder_or_absent(odd: Path) -> None:
    if odd.is_dir():
        assert len(state_of(str(odd))) == 64
    elif (odd.is_symlink() and odd.readlink() == odd) or odd.is_socket():
        assert state_of(str(odd)) == "absent"
    else:
        with pytest.raises(QamlError, match=r"Not a regular file but a|Input/output error"):
            state_of(str(odd))


def test_linked_folders_count_and_circles_end(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "disk" / "file").write_text("1")
    (tmp_path / "data" / "link").symlink_to("../disk")
    (tmp_path / "disk" / "back").symlink_to("../data")
    before = state_of(str(tmp_path / "data"))
    assert state_of(str(tmp_path / "data")) == before
    (tmp_path / "disk" / "file").write_text("2")
    assert state_of(str(tmp_path / "data")) != before


@pytest.mark.parametrize("name", ["data", "data/file"])
def test_what_cannot_be_read_now_is_not_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").touch()

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("qaml.plan.environment.digest_regular", refuse)
    with pytest.raises(QamlError, match=r"cannot read .*: Too many open files"):
        state_of(str(tmp_path / name))


def test_a_folder_of_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"12345")
    state = state_of(str(tmp_path))
    monkeypatch.setattr("qaml.plan.environment.MOST_BYTES", 5)
    assert state_of(str(tmp_path)) == state
    (tmp_path / "c").write_bytes(b"6")
    with pytest.raises(QamlError, match=r"Too much in this folder, expected at most 100,000 files"):
        state_of(str(tmp_path))


def test_a_variable_of_any_bytes_has_a_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_ODD", os.fsdecode(b"\xff\xfe"))
    assert state_of("env:QAML_ODD") == hashlib.sha256(b"\xff\xfe").hexdigest()


def test_a_file_is_read_as_far_as_it_may_go(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(path)
    for named in (path, tmp_path / "link"):
        assert read_regular(named, 5) == b"12345"
        assert digest_regular(named, 5) == hashlib.sha256(b"12345").hexdigest()
        for read in (read_regular, digest_regular):
            with pytest.raises(OSError, match="expected at most 4 bytes"):
                read(named, 4)
    with open_regular(path) as file:
        assert file.read() == b"12345"


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(QamlError, match=r"large\.yaml:1:1: cannot be read: Too large, expected at most 1,048,576"):
        load_suite(path, "quick")
    for reader in ("chains", "recording", "baseline"):
        with pytest.raises(QamlError, match="Too large"):
            READERS[reader](path)


def test_the_home_folder_is_written_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_written("~/x") == tmp_path / "x"
    assert as_written("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


def test_a_small_file_takes_little_memory_however_much_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    tracemalloc.start()
    try:
        assert read_regular(tmp_path / "file", 1 << 40) == b"12345"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
