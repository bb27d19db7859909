"""Keys: the same for equal content whatever its order, different for every change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.plan.canonical import canonical
from qaml.plan.digest import Digest
from qaml.plan.role import Role
from qaml.plan.step import Step, make_step

CODE = Digest("code", (("torch", "2"),))


def step(payload: dict[str, Any] | None = None, **changes: Any) -> Step:
    arguments: dict[str, Any] = {"kind": "train", "title": "t", "parents": {}, "code": CODE, "cost": 1.0} | changes
    return make_step(payload=payload or {"epochs": 3, "lr": 1e-3}, **arguments)


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans())))
def test_the_order_of_keys_does_not_matter(content: dict[str, Any]) -> None:
    assert canonical(content) == canonical(dict(reversed(content.items())))


@pytest.mark.parametrize(
    "other",
    [
        step({"epochs": 4, "lr": 1e-3}),
        step({"epochs": 3, "lr": 1.0000001e-3}),
        step(kind="attack"),
        step(code=Digest("other", CODE.versions)),
        step(code=Digest("code", (("torch", "3"),))),
        step(parents={Role("data"): step()}),
        step(device="cuda"),
    ],
)
def test_every_change_changes_the_key(other: Step) -> None:
    assert other.key != step().key


def test_titles_and_costs_do_not() -> None:
    assert step(title="another", cost=9.0).key == step().key


def test_a_refactoring_keeps_the_seed() -> None:
    assert step(code=Digest("other", ())).seed == step().seed
    assert step({"epochs": 4, "lr": 1e-3}).seed != step().seed
