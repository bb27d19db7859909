"""What a value was meant as: the way to write it here, for values that YAML or qaml read as something else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qaml.spec.nodes import Located

_YES = frozenset(("yes", "y", "on", "1"))
_NO = frozenset(("no", "n", "off", "0"))
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent)")
_FRACTION = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)")
_PRODUCT = re.compile(r"(\d+(?:\.\d+)?)\s*[*×]\s*(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)")
_PLAIN = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_COMMA = re.compile(r"(\d+),(\d+)")
_GROUPED = re.compile(r"\d{1,3}(?:[_ ']\d{3})+")


def correction(value: Located, expected: Iterable[str]) -> str:
    """How to write a value that was refused, or empty.

    Args:
        value: the value as it was read.
        expected: what was expected in its place, such as ``a number above 0``.
    """
    wanted = " ".join(expected)
    if placeholder := unquoted(value):
        return f'put it in quotes: "{placeholder}"'
    if "true or false" in wanted:
        return _truth(value)
    is_number = re.search(r"\b(number|integer)\b", wanted) is not None
    return _number(value.text.strip()) if is_number and value.text is not None else ""


def unquoted(value: Located) -> str:
    """The placeholder ``{name}`` that YAML read as a mapping, because it is not in quotes; else empty."""
    names = list(value.entries)
    is_one = len(names) == 1 and value.entries[names[0]].value is None and names[0].isidentifier()
    return f"{{{names[0]}}}" if is_one else ""


def _truth(value: Located) -> str:
    word = str(value.value).lower()
    if word in _YES | _NO:
        return f"write {'true' if word in _YES else 'false'}"
    return ""


def _number(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return f"write {text}, without quotes"
    if found := _PERCENT.fullmatch(text):
        return f"write {float(found[1]) / 100:g}: shares go from 0 to 1"
    if found := _PRODUCT.fullmatch(text):
        return f"write {float(found[1]) * float(found[2]):g}/{found[3]}, or the number"
    if (found := _FRACTION.fullmatch(text)) and float(found[2]):
        return f"write {float(found[1]) / float(found[2]):.6g}: only budgets of attacks may be fractions"
    if found := _COMMA.fullmatch(text):
        return f"write {found[1]}.{found[2]}"
    if _GROUPED.fullmatch(text):
        return f"write {re.sub(r'[^0-9]', '', text)}"
    return ""
