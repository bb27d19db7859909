"""Text that is safe to show (no control characters, direction overrides, lone surrogates), and file names from it."""

from __future__ import annotations

import hashlib
import re
import textwrap

_REPLACED = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
_REPLACED |= {0x7F: "\u2421"}
_REPLACED |= dict.fromkeys((*range(0x80, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF), "\ufffd")
_REPLACED |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SAFE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


def clean(text: str) -> str:
    """The text with characters that could act on a page or a terminal shown as pictures of themselves.

    Newlines and tabs stay; other control characters become U+2400 and following, direction overrides and lone
    surrogates U+FFFD (a report is read by people who judge by what they see).
    """
    if text.isprintable():
        return text
    return _SURROGATES.sub("\ufffd", text).translate(_REPLACED)


def one_line(text: str) -> str:
    """The cleaned text with every run of white space as one space."""
    return " ".join(clean(text).split())


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
