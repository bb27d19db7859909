"""Text from specs, exceptions, plugins and files, made safe to show: on a terminal, in a log, in XML, on a page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_KEPT = "\n\t"
_COMMAND = re.compile(r"^(\s*)::|##(?=\w*\[)", re.MULTILINE)
"""Texts that a CI's runner reads as commands: ``::error::…`` where a line begins, ``##[…]``, ``##vso[…]`` anywhere."""
_HARMLESS = {":": "\u2236", "#": "\u266f"}


class _Shown(dict[int, int]):
    """Code point → its replacement, computed at its first use."""

    def __missing__(self, code: int) -> int:
        self[code] = _shown(code)
        return self[code]


def _shown(code: int) -> int:
    """A picture of a control character; U+FFFD for directional, invisible and unwritable ones; otherwise itself."""
    character = chr(code)
    category = unicodedata.category(character)
    if character in _KEPT:
        return code
    if category == "Cc" and code < 0x80:
        return 0x2421 if code == 0x7F else 0x2400 + code
    is_no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return 0xFFFD if category in ("Cc", "Cf", "Cs", "Zl", "Zp") or is_no_character else code


_TABLE = _Shown()


def clean(text: str) -> str:
    """The text with characters that could act on a page, a terminal or a CI's log shown as pictures of themselves.

    Newlines and tabs stay; other control characters become U+2400 and following; what changes the direction of
    writing or has no width, and lone surrogates, become U+FFFD (people judge by what they see); what a CI would read as
    a command of qaml gets colons and hashes that only look the same. The length stays.
    """
    if not text.isprintable():
        text = text.translate(_TABLE)
    return _COMMAND.sub(_disarm, text) if "::" in text or "##" in text else text


def _disarm(match: re.Match[str]) -> str:
    return "".join(_HARMLESS.get(character, character) for character in match.group())


def one_line(text: str) -> str:
    """The cleaned text with every run of white space as one space."""
    return " ".join(clean(text).split())


def some(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
