"""A JSON file that holds its own checksum, so that an edit or damage since it was written is noticed."""

from __future__ import annotations

import hashlib
import re

FIELD = "checksum"
_SEAL = re.compile(rb'\A\{\r?\n "checksum": "([0-9a-f]{64})",')


class Unsealed(ValueError):
    """A file's checksum differs from that of its content."""


def seal(text: str) -> str:
    """The whole text of a file, a JSON object with at least one field, with its checksum as first field."""
    return f'{{\n "{FIELD}": "{_digest(text.encode("utf-8", "replace"))}",{text[1:]}'


def unseal(content: bytes) -> tuple[bytes, bool]:
    """The JSON object without its checksum, and whether it had one (files of older versions have none).

    Raises:
        Unsealed: the content does not match the checksum.
    """
    found = _SEAL.match(content)
    if found is None:
        return content, False
    plain = b"{" + content[found.end() :]
    if _digest(plain) != found[1].decode():
        raise Unsealed("was edited or damaged since qaml wrote it: its checksum does not fit")
    return plain, True


def _digest(content: bytes) -> str:
    """SHA-256 without carriage returns, which a version control system may add and which JSON ignores."""
    return hashlib.sha256(content.replace(b"\r", b"")).hexdigest()
