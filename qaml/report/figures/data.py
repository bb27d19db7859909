"""The numbers of a figure as CSV inside the page, which can be saved without a network, a script or another file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from qaml.report.text.width import file_name
from qaml.text import one_line

Value = str | float | None
_UNSAFE = re.compile(r"[^\w.,;:=+*/()~%-]+", re.ASCII)
_DIGITS = 12
_FORMULA = ("=", "+", "-", "@")
"""First characters of a text that make a spreadsheet evaluate it as a formula."""


class Data(NamedTuple):
    """A file to save: its name, and a ``data:`` address with its content."""

    name: str
    address: str


def data(name: str, header: Sequence[str], rows: Iterable[Sequence[Value]]) -> Data:
    """A table as a ``data:`` address; ``name`` is any text, from which the file's name is made."""
    text = csv(header, rows).replace("%", "%25").replace(" ", "%20").replace("\n", "%0A")
    text = _UNSAFE.sub(lambda found: quote(found[0].encode("utf-8", "replace")), text)
    return Data(f"{file_name(name)}.csv", f"data:text/csv;charset=utf-8,{text}")


def csv(header: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """Lines of comma-separated values (RFC 4180, with plain newlines); missing values are empty."""
    columns = [_column(values) for values in zip(*rows, strict=True)]  # each is of one type, which saves time
    lines = [",".join(map(_cell, header)), *map(",".join, zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"


def _column(values: Sequence[Value]) -> list[str]:
    if set(map(type, values)) != {float}:
        return list(map(_cell, values))
    texts = list(map(repr, values))
    return texts if max(map(len, texts)) <= _DIGITS and "nan" not in texts else list(map(_cell, values))


def _cell(value: Value) -> str:
    if isinstance(value, float):
        text = repr(value)
        return "" if text == "nan" else text if len(text) <= _DIGITS else f"{value:.{_DIGITS}g}"
    if isinstance(value, str):
        return _quoted(value)
    return "" if value is None else str(value)


@lru_cache(maxsize=1024)
def _quoted(value: str) -> str:
    """A text as a cell of CSV; cached, since columns repeat a few texts."""
    text = one_line(value)
    if text.startswith(_FORMULA):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
