"""Checkpoints: read back equal, replaced in one move; what is not of this run to the last bit is not believed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from qaml.errors import RunError, StoreError
from qaml.models.base import Checkpoint
from qaml.run import checkpoint as module
from qaml.run.checkpoint import Checkpoints, chosen_interval

KEY, OTHER = "ab" * 32, "cd" * 32
SMALL = Checkpoint(3, {"weights": np.arange(4, dtype=np.float32), "step": np.asarray(7)}, {"loss": [1.0, 0.5]})


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "c", KEY, epochs=5, interval=0.0)


def test_a_checkpoint_is_read_back_equal(checkpoints: Checkpoints) -> None:
    generator = np.random.default_rng(0)
    arrays = {
        "weights": generator.standard_normal((3, 4)).astype(np.float32),
        "step": np.asarray(7),
        "state": generator.integers(0, 255, 16).astype(np.uint8),
        "view": np.arange(12.0).reshape(3, 4).T,
        "diverged": np.asarray([np.nan, np.inf]),
    }
    checkpoints.offer(Checkpoint(5, arrays, {"loss": [1.0, 0.5]}))
    read = Checkpoints(checkpoints.folder, KEY).read()
    assert read is not None
    assert (read.epoch, read.history) == (5, {"loss": [1.0, 0.5]})
    assert set(read.arrays) == set(arrays)
    for name, array in arrays.items():
        assert (read.arrays[name].dtype, read.arrays[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(read.arrays[name], array)
    assert set(load(checkpoints.path.read_bytes())) == set(arrays)  # a plain file


def test_the_interval_is_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "c", KEY, interval=1000.0)
    checkpoints.offer(SMALL)
    assert checkpoints.read() is None


def starts_over(checkpoints: Checkpoints, why: str = "") -> None:
    """Nothing is believed, that is said in one sentence, and training can write again."""
    with pytest.warns(UserWarning, match=rf"^the checkpoint of step abababababab is not believed: {why}") as told:
        assert checkpoints.read() is None
    assert len(told) == 1
    assert str(told[0].message).endswith("; training starts over")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checkpoints.read() is None  # once
    checkpoints.write(SMALL)
    assert checkpoints.read() is not None
    checkpoints.clear()
    assert not checkpoints.folder.exists()


def test_every_byte_counts(checkpoints: Checkpoints) -> None:
    checkpoints.write(SMALL)
    content = checkpoints.path.read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(module.Untrue):
            module._unpacked(bytes(flipped), KEY, 5)
    for length in range(0, len(content), 7):
        with pytest.raises(module.Untrue):
            module._unpacked(content[:length], KEY, 5)
    assert module._unpacked(content, KEY, 5).epoch == 3


def in_its_place(put: Callable[[Path], Any], *, of_folder: bool = False) -> Callable[[Path], Any]:
    """Something else where the file, or its folder, is."""

    def damage(path: Path) -> None:
        shutil.rmtree(path.parent)
        if not of_folder:
            path.parent.mkdir()
        put(path.parent if of_folder else path)

    return damage


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "flipped": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "unsigned": lambda path: path.write_bytes(save({"a": np.zeros(1)}, {"key": KEY, "epoch": "99", "history": "{}"})),
    "without metadata": lambda path: path.write_bytes(save({"a": np.zeros(1)})),
    "a folder": in_its_place(lambda path: (path / "inside").mkdir(parents=True)),
    "a pipe": in_its_place(os.mkfifo),
    "endless": in_its_place(lambda path: path.symlink_to("/dev/zero")),
    "folder a file": in_its_place(lambda folder: folder.write_text("in the way"), of_folder=True),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_starts_over(checkpoints: Checkpoints, damage: str) -> None:
    checkpoints.write(SMALL)
    DAMAGES[damage](checkpoints.path)
    starts_over(checkpoints)


def forged(**changes: str) -> bytes:
    about = {"key": KEY, "epoch": "3", "history": "{}", "qaml_digest": "0" * 64} | changes
    content = save({"a": np.zeros(1)}, {name: text for name, text in about.items() if text != "absent"})
    place = module._place_of_digest(content)
    return content[: place[0]] + module._digest(content, place).encode() + content[place[1] :]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"key": OTHER}, "it is that of another step"),
        ({"key": "absent"}, "it is that of another step"),
        ({"epoch": "99"}, "it is of epoch 99, and there are 5"),
        ({"epoch": "-1"}, "it is of epoch -1"),
        ({"epoch": "many"}, "it does not say"),
        ({"epoch": "absent"}, "it does not say"),
        ({"history": "absent"}, "it does not say"),
        ({"history": "["}, "it does not say"),
        ({"history": "[" * 100_000}, "it does not say"),
        ({"history": "[]"}, "its curves are none"),
        ({"history": json.dumps({"loss": ["high"]})}, "its curves are none"),
    ],
)
def test_a_sound_file_that_is_none_of_this_run_starts_over(
    checkpoints: Checkpoints, changes: dict[str, str], why: str
) -> None:
    checkpoints.folder.mkdir()
    checkpoints.path.write_bytes(forged())
    assert checkpoints.read() is not None
    checkpoints.path.write_bytes(forged(**changes))
    starts_over(checkpoints, why)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE], ids=lambda n: errno.errorcode[n])
def test_what_cannot_be_read_is_told_and_stays(
    checkpoints: Checkpoints, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.write(SMALL)

    def refuses(path: Any, *_: Any, **__: Any) -> int:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuses)
        with pytest.raises(StoreError, match=r"cannot read .*checkpoint"):
            checkpoints.read()
    assert checkpoints.read() is not None


def test_what_cannot_be_written_is_told_and_the_last_one_stays(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.write(SMALL)

    def refuses(path: Path, _: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", refuses)
        with pytest.raises(StoreError, match="cannot write the checkpoint") as caught:
            checkpoints.write(SMALL._replace(epoch=4))
    assert "free some disk space" in caught.value.hint
    read = checkpoints.read()
    assert read is not None
    assert read.epoch == 3
    assert list(checkpoints.folder.iterdir()) == [checkpoints.path]


@pytest.mark.parametrize(("text", "seconds"), [(None, 10.0), ("", 10.0), (" 0.5 ", 0.5), ("0", 0.0), ("inf", np.inf)])
def test_the_interval_that_the_environment_asks_for(
    monkeypatch: pytest.MonkeyPatch, text: str | None, seconds: float
) -> None:
    monkeypatch.delenv("QAML_CHECKPOINT_SECONDS", raising=False)
    if text is not None:
        monkeypatch.setenv("QAML_CHECKPOINT_SECONDS", text)
    assert chosen_interval() == seconds


@pytest.mark.parametrize("text", ["abc", "-1", "nan", "1,5"])
def test_an_interval_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("QAML_CHECKPOINT_SECONDS", text)
    with pytest.raises(RunError, match=rf"^QAML_CHECKPOINT_SECONDS: expected seconds, .* got '{text}'\n"):
        chosen_interval()
