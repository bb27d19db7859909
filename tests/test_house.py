"""The house stays as it is kept: what ``tests.house`` counts has limits."""

from __future__ import annotations

from tests.house import house


def test_the_house_is_kept() -> None:
    found = house()
    assert found.ignores <= 15, "type: ignore: say what the type is, or give it a protocol"
    assert found.probes <= 25, "hasattr, and getattr with a default: ask for a type, or give the base class a default"
    assert found.implementations == 0
    assert found.lonely == []
