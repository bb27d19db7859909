"""What strangers write is shown and never acts: on a terminal, in a CI's log, in XML, on a page."""

from __future__ import annotations

import re
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.errors import Location, Problem, QamlError, SpecError
from qaml.text import clean, one_line

PIECES = st.sampled_from(
    (
        *("::", ":", "##", "[", "vso", "error", " ", "\n", "\t", "\r", "\x1b[2J", "\x9b31m", "\x00", "\x07", "\x7f"),
        *("\u2028", "\u0085", "\u202e", "\u2066", "\u200e", "\u061c", "\u200b", "\u200d", "\u2060", "\ufeff"),
        *("\u00ad", "\U000e0041", "\ud800", "\udfff", "\ufffe", "\U0001ffff", "\ufdd0", "\ufff9", "ε", "\u00a0"),
    )
)
ANY_TEXT = st.one_of(st.text(st.characters(codec=None), max_size=40), st.lists(PIECES, max_size=12).map("".join))


@given(ANY_TEXT)
def test_cleaned_text_holds_nothing_that_acts_hides_or_cannot_be_written(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert clean(cleaned) == cleaned
    assert ElementTree.fromstring(f"<a>{cleaned.translate({38: None, 60: None})}</a>") is not None
    categories = {unicodedata.category(character) for character in cleaned if character not in "\n\t"}
    assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(ANY_TEXT)
def test_no_line_is_a_command_of_ours_to_a_ci(text: str) -> None:
    for cleaned in (clean(text), one_line(text)):
        assert not any(line.lstrip().startswith("::") for line in re.split("[\r\n]", cleaned))
        assert not re.search(r"##\w*\[", cleaned)


def test_ordinary_text_is_not_touched() -> None:
    text = "ε = 0.1, ‖δ‖ ≤ ε\n\t— „µ“ 中 שלום suite::claim 1\u202f000\u00a0# a [b]\n## c [d]"
    assert clean(text) == text
    assert clean("a\x1b[31mb\x00") == "a␛[31mb␀"


@pytest.mark.parametrize(
    "word",
    ["::error::stop", "\n  ::add-mask::x", "##[error]", "##vso[task.prependpath]/tmp", "\x1b]0;title\x07", "\u202egpj"],
)
def test_an_error_that_quotes_a_stranger_is_safe_to_print(word: str) -> None:
    problem = Problem(Location("a.yaml", 1, 1), "suite", f"unknown {word}", hint=word, source=word)
    for error in (QamlError(word, word), SpecError([problem])):
        assert str(error) == clean(str(error))
