"""Texts that are cut to a width, and file names made from texts."""

from __future__ import annotations

import hashlib
import re
import textwrap
from functools import lru_cache

from qaml.text import clean, one_line

_SAFE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


def shorten(text: str, width: int) -> str:
    """One line of at most ``width`` characters, with ``…`` at the end if it is cut."""
    line = one_line(text)
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"


def shorten_middle(text: str, width: int, tail: int) -> str:
    """One line of at most ``width`` characters that keeps its last ``tail`` ones: labels often differ there."""
    line = one_line(text)
    return line if len(line) <= width else line[: width - tail - 1].rstrip() + "…" + line[-tail:].lstrip()


def indent(text: str, prefix: str) -> str:
    """The cleaned text with a prefix before every line."""
    return textwrap.indent(clean(text).rstrip("\n"), prefix, lambda _: True)


@lru_cache(maxsize=16384)
def file_name(identifier: str) -> str:
    """A file name for an identifier that is safe on every file system; equal only for equal identifiers.

    Lower-case letters, digits, dots, hyphens and underscores are kept; with any other character the name gets a digest,
    so that identifiers that differ in case or in a slash have different names.
    """
    if _SAFE_NAME.fullmatch(identifier) and not _RESERVED.fullmatch(identifier) and ".." not in identifier:
        return identifier
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    slug = re.sub(r"[^a-z0-9]+", "-", identifier.lower()).strip("-")[:60].strip("-")
    return f"{slug}-{digest}" if slug else digest
