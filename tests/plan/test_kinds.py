"""A new kind of step is declared in one file, and what was forgotten is named."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import get_args

import qaml.run.steps
from qaml.plan import digest
from qaml.plan.kinds import KINDS, StepKind
from qaml.plan.role import Role


def test_every_kind_of_step_is_in_the_table_and_has_a_module_that_executes_it() -> None:
    assert sorted(KINDS) == sorted(kind for group in get_args(StepKind) for kind in get_args(group))
    steps = Path(qaml.run.steps.__file__).parent
    written = {f"qaml.run.steps.{path.stem}" for path in steps.glob("*.py") if path.stem != "__init__"}
    assert sorted(kind.module for kind in KINDS.values()) == sorted({*written, "qaml.judge.step"})
    for name, kind in KINDS.items():
        assert callable(importlib.import_module(kind.module).execute), name
        assert kind.cost > 0, name


def test_how_steps_are_planned_is_no_part_of_their_code() -> None:
    """Resolved parameters and roles are part of the key; a new kind of step must not retrain models."""
    for name, kind in KINDS.items():
        closure = digest._closure(frozenset({kind.module}), frozenset({"qaml"}))
        of_plan = {module for module in closure if module.startswith("qaml.plan")}
        assert of_plan <= {"qaml.plan.canonical", "qaml.plan.judged"}, name


def test_the_text_of_a_role_leaves_out_what_it_is_not_about() -> None:
    """Seeds depend on these texts."""
    assert str(Role("data")) == "data"
    assert str(Role("train", replicate=0)) == "train 0"
    assert str(Role("attack", "rbm", "pgd@cnn", 2)) == "attack rbm pgd@cnn 2"
