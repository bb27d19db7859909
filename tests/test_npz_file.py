"""Arrays from outside: numbers as they were saved, or a word about what is wrong; never objects, never a bomb."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qaml.files.npz import NpzError, read_npz
from tests.hostile_npz import DAMAGES, packed

GOOD: dict[str, Any] = {
    "a": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "b": np.linspace(0, 1, 7, dtype=np.float32),
    "c": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "d": np.array(4.0),
    "e": np.zeros((0, 3), bool),
    "f": np.arange(3, dtype=">i4"),
}
HARMLESS = {"no dimension", "no element", "another dimension", "transposed", "no members", "header of Python 2"}
"""Arrays are numbers all the same; whether they fit is for who asked for them."""


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_what_numpy_saved_comes_back(write: Callable[..., None]) -> None:
    back = read_npz(packed(GOOD, write=write))
    assert back.keys() == GOOD.keys()
    for name, array in GOOD.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("name", DAMAGES)
def test_anything_else_is_refused_in_words(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = DAMAGES[name](GOOD)
    tracemalloc.start()
    try:
        if name in HARMLESS:
            assert all(array.dtype.kind in "biuf" for array in read_npz(content).values())
        else:
            with pytest.raises(NpzError, match=r"^it[s ]|^array '"):
                read_npz(content)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert list(tmp_path.iterdir()) == []


def test_all_arrays_together_are_limited() -> None:
    content = packed({name: np.zeros(1000, np.uint8) for name in "abc"})
    assert len(read_npz(content, 4000)) == 3
    with pytest.raises(NpzError, match="expected at most 3,000 bytes unpacked, got 3,"):
        read_npz(content, 3000)


@pytest.mark.parametrize("seed", range(3))
def test_any_flipped_byte_is_noticed_or_harmless(seed: int) -> None:
    content = packed(GOOD)
    rng = np.random.default_rng(seed)
    for at in rng.integers(0, len(content), 60):
        flipped = bytearray(content)
        flipped[at] ^= 1 << int(rng.integers(8))
        try:
            assert all(array.dtype.kind in "biuf" for array in read_npz(bytes(flipped)).values())
        except NpzError:
            continue
