from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.report.text.width import file_name, shorten, shorten_middle
from qaml.text import one_line

ANY_TEXT = st.text(st.characters(codec=None), max_size=40)


@pytest.mark.parametrize("name", ["rbm-beats-cnn", "kehoe2021", "a", "v1.2_x"])
def test_an_ordinary_id_is_its_own_file_name(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../etc", "A", "con", "nul.txt", "a/b", "a b", "é", "-x", "x.", "a" * 300]
)
def test_any_other_id_gets_a_safe_name(name: str) -> None:
    safe = file_name(name)
    assert safe != name
    assert set(safe) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 0 < len(safe) <= 100


@given(ANY_TEXT, ANY_TEXT)
def test_different_ids_have_different_names_on_every_file_system(one: str, other: str) -> None:
    if one != other:
        assert file_name(one).casefold() != file_name(other).casefold()


@given(ANY_TEXT, st.integers(1, 30))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert len(shorten(text, width)) <= width


@given(ANY_TEXT, st.integers(20, 40))
def test_text_shortened_in_the_middle_fits_and_keeps_its_end(text: str, width: int) -> None:
    short = shorten_middle(text, width, 8)
    assert len(short) <= width
    assert one_line(text).endswith(short.rpartition("…")[2])


def test_labels_that_differ_at_their_end_stay_apart() -> None:
    labels = [f"rbm under fgsm-sweep + pgd + autoattack at ε = {e}" for e in (0.1, 0.2)]
    assert shorten_middle(labels[0], 40, 12) != shorten_middle(labels[1], 40, 12)
