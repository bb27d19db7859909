"""Manifests: every bit counts, and what has another shape is no manifest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from qaml.run.manifest import FileEntry, Manifest, Unsound, parse

KEY = "ab" * 32
FILES = {"a.txt": FileEntry("0" * 64, 5), "weights.safetensors": FileEntry("f" * 64, 0)}
MADE = Manifest(KEY, "session", FILES, {"data cd": "ef"}, {"kind": "train", "title": "züge \ud800", "seconds": 0.5})
FIELDS: dict[str, Any] = json.loads(MADE.to_bytes())
FIELDS.pop("digest")
ENTRY = {"sha256": "0" * 64, "bytes": 5}


def signed(fields: Any) -> bytes:
    """Any fields under a digest that is right, as a forger or a former version would write them."""
    body = (fields if isinstance(fields, str) else json.dumps(fields, indent=1)).encode()[2:]
    return b'{\n "digest": "' + hashlib.sha256(body).hexdigest().encode() + b'",\n' + body


def test_a_manifest_is_read_back_equal_and_is_plain_json() -> None:
    assert parse(MADE.to_bytes(), KEY) == MADE
    assert json.loads(MADE.to_bytes())["files"]["a.txt"] == ENTRY
    assert signed(FIELDS) == MADE.to_bytes()
    assert MADE.size == 5


def test_every_flipped_bit_is_noticed() -> None:
    content = MADE.to_bytes()
    for place in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            with pytest.raises(Unsound):
                parse(bytes(flipped), KEY)


def test_every_other_length_is_noticed() -> None:
    content = MADE.to_bytes()
    for length in range(len(content)):
        with pytest.raises(Unsound):
            parse(content[:length], KEY)
    with pytest.raises(Unsound):
        parse(content + b"\n", KEY)


def test_that_of_another_artefact_is_none_of_this() -> None:
    with pytest.raises(Unsound, match="that of artefact abababababab"):
        parse(MADE.to_bytes(), "cd" * 32)


WRONG: dict[str, tuple[Any, ...]] = {
    "sources": (None, [], "text", {"file": 5}),
    "provenance": (None, [], "text", 5),
    "session": (None, 5, {}),
    "key": (None, 5, [], "ab"),
    "files": (None, "text", [ENTRY], {"a.txt": None}, {"a.txt": {"sha256": "0" * 64}}, {"a.txt": ENTRY | {"mode": 7}}),
}
SIZES: tuple[Any, ...] = (-1, True, 5.0, "5", None)
DIGESTS: tuple[Any, ...] = ("0" * 63, "G" * 64, None, 5)


@pytest.mark.parametrize(
    "fields",
    [
        *({name: value for name, value in FIELDS.items() if name != gone} for gone in FIELDS),
        FIELDS | {"more": 1},
        *(FIELDS | {name: value} for name, values in WRONG.items() for value in values),
        *(FIELDS | {"files": {"a.txt": ENTRY | {"bytes": size}}} for size in SIZES),
        *(FIELDS | {"files": {"a.txt": ENTRY | {"sha256": text}}} for text in DIGESTS),
        *(FIELDS | {"files": {name: ENTRY}} for name in ("", ".", "..", "../a", "a/b", "a\\b", "\0", "manifest.json")),
        "[\n]",
        '{\n"key": 5',
        '{\n"key": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{\n"key": ' + "9" * 10_000 + "}",
    ],
    ids=lambda fields: str(fields)[:60],
)
def test_what_has_another_shape_is_no_manifest(fields: Any) -> None:
    with pytest.raises(Unsound):
        parse(signed(fields), KEY)


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"\xff\xfe", b'{"files": {}}'])
def test_what_a_former_version_or_anybody_wrote_is_none_either(content: bytes) -> None:
    with pytest.raises(Unsound):
        parse(content, KEY)
