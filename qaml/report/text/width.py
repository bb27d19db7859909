"""Text cut to a width, and file names from it."""

from __future__ import annotations

import hashlib
import re
import textwrap
from functools import lru_cache

from qaml.text import clean, one_line

_SAFE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


def shorten(text: str, width: int) -> str:
    """One line of at most ``width`` characters, cut in the middle of nothing: ``…`` at the end."""
    line = one_line(text)
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"


def shorten_middle(text: str, width: int, tail: int) -> str:
    """One line of at most ``width`` characters that keeps its last ``tail`` ones: labels often differ there."""
    line = one_line(text)
    return line if len(line) <= width else line[: width - tail - 1].rstrip() + "…" + line[-tail:].lstrip()


def indent(text: str, prefix: str) -> str:
    """Every line of the cleaned text behind a prefix."""
    return textwrap.indent(clean(text).rstrip("\n"), prefix, lambda _: True)


@lru_cache(maxsize=16384)
def file_name(identifier: str) -> str:
    """A name for this identifier that is safe on every file system; equal only for equal identifiers.

    Lower-case letters, digits, dots, hyphens and underscores are kept; anything else gets a digest, so that names
    that differ in case or in a slash do not meet.
    """
    if _SAFE_NAME.fullmatch(identifier) and not _RESERVED.fullmatch(identifier) and ".." not in identifier:
        return identifier
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    slug = re.sub(r"[^a-z0-9]+", "-", identifier.lower()).strip("-")[:60].strip("-")
    return f"{slug}-{digest}" if slug else digest
