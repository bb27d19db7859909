"""What stands in an artefact's manifest: one record, one way to write it, one to read it.

The file is JSON that begins with the SHA-256 of all that follows it, so that no bit of it goes unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

MANIFEST = "manifest.json"
MOST = 16 * 2**20
"""Bytes of a manifest that are looked at."""

_HEAD = b'{\n "digest": "'
_NECK = b'",\n'
_LENGTH = 64
_NO_NAMES = frozenset({"", ".", "..", MANIFEST})
_HEX = re.compile(r"[0-9a-f]{64}")


class Unsound(Exception):
    """This is no manifest of the artefact, and why."""


class FileEntry(NamedTuple):
    """One file of an artefact."""

    sha256: str
    bytes: int


class Manifest(NamedTuple):
    """An artefact's files, and where they come from.

    Attributes:
        key: of the artefact.
        session: the id of the session that made it.
        files: by name.
        sources: what it was made from beside what its key declares → its state then.
        provenance: for people.
    """

    key: str
    session: str
    files: Mapping[str, FileEntry]
    sources: Mapping[str, str]
    provenance: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files.values())

    def to_bytes(self) -> bytes:
        """The content of the file."""
        fields = self._asdict() | {"files": {name: file._asdict() for name, file in self.files.items()}}
        body = json.dumps(fields, indent=1).encode()[2:]  # without its bracket: the digest comes first
        return _HEAD + hashlib.sha256(body).hexdigest().encode() + _NECK + body


def parse(content: bytes, key: str) -> Manifest:
    """The manifest of the artefact with this key.

    Raises:
        Unsound: it is damaged, that of another artefact, or of a version of qaml that wrote others.
    """
    start = len(_HEAD) + _LENGTH
    body = content[start + len(_NECK) :]
    if len(content) > MOST or content != _HEAD + hashlib.sha256(body).hexdigest().encode() + _NECK + body:
        raise Unsound("its digest is not that of its content")
    try:
        fields = json.loads(b"{" + body)
        files = {name: FileEntry(**entry) for name, entry in fields.pop("files").items()}
        made = Manifest(**fields, files=files)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unsound("it does not say what a manifest says") from error
    if made.key != key:
        raise Unsound(f"it is that of artefact {str(made.key)[:12]}")
    if not (_are_texts(made.sources) and isinstance(made.provenance, dict) and isinstance(made.session, str)):
        raise Unsound("it does not say what a manifest says")
    for name, entry in files.items():
        if not _is_name(name) or not _is_entry(entry):
            raise Unsound(f"it lists {name[:80]!r}, which is no file of an artefact")
    return made


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _is_name(name: str) -> bool:
    return name not in _NO_NAMES and not ("/" in name or "\\" in name or "\0" in name)


def _is_entry(entry: FileEntry) -> bool:
    is_size = type(entry.bytes) is int and entry.bytes >= 0
    return is_size and isinstance(entry.sha256, str) and _HEX.fullmatch(entry.sha256) is not None
