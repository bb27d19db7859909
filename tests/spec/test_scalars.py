"""YAML 1.2's core schema, where YAML 1.1 surprises people."""

from __future__ import annotations

import pytest

from qaml.spec.nodes import Scalar
from qaml.spec.scalars import read_plain, read_quoted


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.", 1.0),
        (".5", 0.5),
        ("+12", 12),
        ("-0", 0),
        ("017", 17),
        ("0o17", 15),
        ("0xff", 255),
        ("9223372036854775807", 2**63 - 1),
        ("1_000", "1_000"),
        ("8/255", "8/255"),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("true", True),
        ("FALSE", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("2012-11-19", "2012-11-19"),
        ("1:30", "1:30"),
        ("nan", "nan"),
        ("e3", "e3"),
        (".", "."),
        ("-", "-"),
        ("0x", "0x"),
    ],
)
def test_plain_scalars(text: str, value: Scalar) -> None:
    read = read_plain(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.Inf", "+.INF", "1e400", "-1e999"])
def test_numbers_that_are_not_finite_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        read_plain(text)


@pytest.mark.parametrize("text", [str(2**63), "9" * 5000, "0" * 5000, "0x" + "f" * 100])
def test_huge_integers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected an integer below 2\^63"):
        read_plain(text)


@pytest.mark.parametrize("text", ["a\0b", "\x1b[31m", "\ud800", "\ufffe"])
def test_characters_that_no_report_can_show_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"character U\+[0-9A-F]{4} is not allowed"):
        read_quoted(text)


def test_ordinary_characters_are_text() -> None:
    assert read_quoted("Carlini–Wagner ≥ 1,\nε\t😀") == "Carlini–Wagner ≥ 1,\nε\t😀"
