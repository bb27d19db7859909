"""Plain scalars of YAML 1.2's core schema: 1e-3 is a number, no is a string, 017 is seventeen."""

from __future__ import annotations

import math
import re

from qaml.spec.limits import MAX_INTEGER, MAX_TEXT
from qaml.spec.nodes import Scalar

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOST_DIGITS = 64
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def read_plain(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises:
        ValueError: a number is not finite or too large, with a message for the user.
    """
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"expected a finite number, got {text}")
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("number too large: expected one below 1.8e308")
        return number
    return read_quoted(text)


def read_quoted(text: str) -> str:
    """The value of a quoted scalar.

    Raises:
        ValueError: it is too long or holds characters that no report can show.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"text too long: expected at most {MAX_TEXT:,} characters, got {len(text):,}")
    if odd := UNPRINTABLE.search(text):
        raise ValueError(f"character U+{ord(odd.group()):04X} is not allowed in text")
    return text


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    digits = text[2:] if base != 10 else text
    number = int(digits, base) if len(digits) <= _MOST_DIGITS else MAX_INTEGER + 1
    if abs(number) > MAX_INTEGER:
        raise ValueError("number too large: expected an integer below 2^63")
    return number
