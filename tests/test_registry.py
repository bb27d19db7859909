"""Parts are values: what could change behind a key's back is refused where a part is defined."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any

import pytest

from qaml.errors import PartError
from qaml.registry import Part
from qaml.types import Settings


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (list, "list"),
        (list[int] | None, "list"),
        (tuple[list[int], ...], "list"),
        (dict[str, list[int]], "list"),
        (MutableSequence[int], "list"),
        (set[str], "set"),
    ],
)
def test_a_field_that_can_change_is_refused_at_import(annotation: Any, kind: str) -> None:
    with pytest.raises(PartError, match=rf"Changing\.values is a {kind}, which can change") as caught:
        type("Changing", (Part,), {"__annotations__": {"values": annotation}})
    assert "write " in caught.value.hint


def test_fields_inside_settings_of_a_part_are_seen_too() -> None:
    class Inner(Settings):
        values: list[int]

    with pytest.raises(PartError, match=r"Changing\.inner holds Inner\.values, a list"):
        type("Changing", (Part,), {"__annotations__": {"inner": Inner | None}})


@pytest.mark.parametrize("annotation", [tuple[int, ...], dict[str, float], frozenset[str], str | None])
def test_values_are_taken(annotation: Any) -> None:
    type("Fixed", (Part,), {"__annotations__": {"values": annotation}})
