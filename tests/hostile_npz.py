"""Npz files that no honest program writes, for every reader of files that come from outside."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Damage = Callable[[Mapping[str, Any]], bytes]


def packed(arrays: Mapping[str, Any], *, write: Callable[..., None] = np.savez_compressed) -> bytes:
    stream = io.BytesIO()
    write(stream, **arrays)
    return stream.getvalue()


def members(content: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")  # of a name given twice
        for name, part in content.items():
            archive.writestr(name.rstrip("?"), part)
    return stream.getvalue()


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin-1") + b"\n"
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


def headed(**changes: str) -> Damage:
    """The first array under a header that says something else."""
    fields = {"descr": "'|u1'", "fortran_order": "False", "shape": "(3,)", **changes}
    header = "{" + ", ".join(f"'{key}': {value}" for key, value in fields.items()) + "}"
    return lambda arrays: members({f"{name}.npy": npy(header, b"abc") for name in arrays})


def other(change: Callable[[Any], Any]) -> Damage:
    return lambda arrays: packed({name: change(np.atleast_1d(array)) for name, array in arrays.items()}, write=np.savez)


def _objects(array: Any) -> Any:
    return np.array([print] * len(array), dtype=object)


def bomb(arrays: Mapping[str, Any]) -> bytes:
    """A thousandth of what it holds: 2 GiB of zeros in each array, never made here as a whole."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in list(arrays)[:1]:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                member.write(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (301989888,)}"))
                for _ in range(36):
                    member.write(bytes(8 << 20))
    return stream.getvalue()


def lying_bomb(arrays: Mapping[str, Any]) -> bytes:
    """The same, said to be small in the list of members."""
    content = bytearray(members({f"{name}.npy": npy("{}", bytes(8 << 20)) for name in list(arrays)[:1]}))
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 200)
    return bytes(content)


def _patched(at: int, value: bytes) -> Damage:
    """The list of members changed at a place of its first entry."""

    def damage(arrays: Mapping[str, Any]) -> bytes:
        content = bytearray(packed(arrays))
        start = content.index(b"PK\x01\x02") + at
        content[start : start + len(value)] = value
        return bytes(content)

    return damage


DAMAGES: dict[str, Damage] = {
    "empty": lambda _: b"",
    "junk": lambda _: b"\x00\xff" * 300,
    "text": lambda _: b"not an archive",
    "pickle": lambda _: b"cos\nsystem\n(S'touch canary'\ntR.",
    "npy alone": lambda _: npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", b"abc"),
    "truncated": lambda arrays: packed(arrays)[:-40],
    "without its beginning": lambda arrays: packed(arrays)[40:],
    "tail": lambda arrays: packed(arrays) + b"\n",
    "no members": lambda _: members({}),
    "other members": lambda arrays: members(dict.fromkeys((*arrays, "../x", "x.txt"), b"abc")),
    "empty members": lambda arrays: members({f"{name}.npy": b"" for name in arrays}),
    "members twice": lambda arrays: members({f"{name}.npy{mark}": b"" for name in arrays for mark in ("", "?")}),
    "packed by bzip2": lambda arrays: members({f"{name}.npy": b"x" for name in arrays}, zipfile.ZIP_BZIP2),
    "packed by lzma": lambda arrays: members({f"{name}.npy": b"x" for name in arrays}, zipfile.ZIP_LZMA),
    "encrypted": _patched(8, b"\x01\x00"),
    "of no method": _patched(10, b"\x63\x00"),
    "wrong check sum": _patched(16, b"abcd"),
    "said to be large": _patched(24, b"\xff\xff\xff\x7f"),
    "elsewhere": _patched(42, b"\xff\xff\x00\x00"),
    "bomb": bomb,
    "bomb that lies": lying_bomb,
    "a million members": lambda _: b"PK\x05\x06".rjust(500) + struct.pack("<4H2LH", 0, 0, 9, 9, 9 << 20, 0, 0),
    "zip64": lambda arrays: packed(arrays)[:-42] + b"PK\x06\x07" + bytes(16) + packed(arrays)[-22:],
    "objects": other(_objects),
    "texts": other(lambda array: array.astype("U8")),
    "complex": other(lambda array: array.astype(complex)),
    "dates": other(lambda array: array.astype("M8[s]")),
    "records": other(lambda array: np.zeros(len(array), "u1,f8")),
    "no dimension": other(lambda array: array.sum()),
    "no element": other(lambda array: array[:0]),
    "another dimension": other(lambda array: array[None]),
    "transposed": other(lambda array: np.asfortranarray(array.reshape(-1, 1))),
    "huge shape": headed(shape="(9223372036854775807, 9223372036854775807)"),
    "negative shape": headed(shape="(-1, -3)"),
    "shape of no numbers": headed(shape="('3',)"),
    "shape of truth": headed(shape="(True, 3)"),
    "shape of many": headed(shape="(" + "1," * 3000 + ")"),
    "too many dimensions": headed(shape="(" + "1," * 200 + "3)"),
    "dtype of no kind": headed(descr="'|Z9'"),
    "dtype of objects": headed(descr="'|O'"),
    "dtype of arrays": headed(descr="('|u1', (1000000000,))"),
    "dtype that runs": headed(descr="__import__('os').system('touch canary')"),
    "header of Python 2": headed(shape="(3L,)"),
    "deep header": headed(shape="(" * 5000),
    "long header": headed(shape="(3," + " " * 60_000 + ")"),
    "further fields": headed(more="1"),
    "unknown version": lambda arrays: members({f"{name}.npy": npy("{}", version=b"\x09\x00") for name in arrays}),
}
"""What was done to the arrays of a good file → the bytes."""
