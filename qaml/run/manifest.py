"""An artefact's manifest: its record, how it is written, and how it is read.

The file is JSON that begins with the SHA-256 of all that follows, so that a change of any bit is noticed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

MANIFEST = "manifest.json"
MOST = 16 * 2**20
"""Largest manifest that is read, in bytes."""

_HEAD = b'{\n "digest": "'
_NECK = b'",\n'
_LENGTH = 64
_NO_NAMES = frozenset({"", ".", "..", MANIFEST})
_HEX = re.compile(r"[0-9a-f]{64}")


class Unsound(Exception):
    """A file is not the manifest of the artefact; the message says why."""


class FileEntry(NamedTuple):
    """One file of an artefact: SHA-256 of its content, and its size in bytes."""

    sha256: str
    bytes: int


class Manifest(NamedTuple):
    """An artefact's files, and where they come from.

    Attributes:
        key: key of the artefact.
        session: id of the session that made it.
        files: the artefact's files, by name.
        sources: everything that it was made from and that its key does not declare → its state at that time.
        provenance: title, versions, machine and more, for people to read.
    """

    key: str
    session: str
    files: Mapping[str, FileEntry]
    sources: Mapping[str, str]
    provenance: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Size of all files, in bytes."""
        return sum(file.bytes for file in self.files.values())

    def to_bytes(self) -> bytes:
        """The content of the manifest's file."""
        fields = self._asdict() | {"files": {name: file._asdict() for name, file in self.files.items()}}
        body = json.dumps(fields, indent=1).encode()[2:]  # without the opening brace, which the digest follows
        return _HEAD + hashlib.sha256(body).hexdigest().encode() + _NECK + body


def parse(content: bytes, key: str) -> Manifest:
    """The manifest of the artefact with this key.

    Raises:
        Unsound: it is damaged, belongs to another artefact, or was written by another version of qaml in another form.
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
