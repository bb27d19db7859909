"""The table of metrics: nothing is registered that does not say what the judge must know, and nothing is forgotten."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from typing import Any, get_args

import pytest

import qaml.metrics
from qaml.claims.base import Cell
from qaml.errors import PartError
from qaml.judge.resolve import CellEvidence
from qaml.metrics import base
from qaml.metrics.base import PARAMETERS, MetricPart, Need
from qaml.metrics.table import METRICS, metric

COMPLETE = {
    "__module__": "qaml.metrics.made_up",
    "unit": "share",
    "direction": "falls",
    "attacks": "one",
    "budget": "needed",
    "function": "qaml.metrics.accuracy:accuracy_under_attack",
}


def declared(**changes: Any) -> type[MetricPart]:
    """A class with these declarations; None leaves one out."""
    body = {name: value for name, value in {**COMPLETE, **changes}.items() if value is not None}
    return type("MadeUp", (MetricPart,), body)


def test_a_complete_declaration_is_taken() -> None:
    assert declared().direction == "falls"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"direction": None}, "declares no direction"),
        ({"unit": None}, "declares no unit"),
        ({"function": None}, "declares no function"),
        ({"direction": "down"}, "direction is 'down'"),
        ({"needs": ("colour",)}, "needs .*colour"),
        ({"budget": None}, "a budget if, and only if, it takes an attack"),
        ({"attacks": "none", "budget": None}, "direction is 'neither'"),
        ({"basis": "adversarials"}, "held against stronger attacks"),
        ({"is_of_training": True}, "takes no attack"),
        ({"__annotations__": {"power": int}, "power": 2}, "fields of its own"),
    ],
)
def test_a_faulty_declaration_is_refused_where_it_is_made(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PartError, match=message):
        declared(**changes)


def test_every_declaration_is_registered() -> None:
    """A metric that is written and has no line in ``METRICS`` could not be named by any spec."""
    modules = [import_module(f"qaml.metrics.{each.name}") for each in pkgutil.iter_modules(qaml.metrics.__path__)]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    written = {value.__name__ for value in found if issubclass(value, MetricPart)} - {"MetricPart"}
    missing = written - {type(metric(name)).__name__ for name in METRICS.builtin_kinds()}
    assert not missing, f"add to METRICS in qaml/metrics/table.py: {', '.join(missing)}"


def test_every_need_can_be_lacked() -> None:
    """``spec.pairs`` has a case for each; one without would let every model pass."""
    source = (base.__file__ or "").replace("metrics/base.py", "spec/pairs.py")
    with open(source, encoding="utf-8") as file:  # noqa: PTH123
        text = file.read()
    lacking = [need for need in get_args(Need) if f'case "{need}" if' not in text]
    assert not lacking, f"qaml/spec/pairs.py checks no model for {', '.join(lacking)}"


def test_whatever_a_function_may_ask_for_is_provided() -> None:
    provided = {name for name in vars(CellEvidence) if not name.startswith("_")} | {"quantile", "level"}
    assert provided == set(PARAMETERS)


def test_directions_are_as_the_judge_relies_on_them() -> None:
    found: dict[str, set[str]] = {}
    for name in METRICS.builtin_kinds():
        found.setdefault(metric(name).direction, set()).add(name)
    expected = {
        "neither": {
            *("clean_accuracy", "certified_accuracy", "training_loss", "flip_probability"),
            *("sampling_error", "gradient_angle"),
        },
        "falls": {"robust_accuracy", "retained", "epsilon_at", "accuracy_under_attack", "norm_quantile"},
        "rises": {"attack_success_rate"},
        "void": {"fidelity", "noise_reach", "shots_needed", "low_frequency_share"},
    }
    assert found == expected, "write down here, too, what a stronger attack does to a new metric"


def test_a_cell_without_a_metric_has_no_definition() -> None:
    with pytest.raises(PartError, match="unknown metric ''"):
        _ = Cell(model="a").definition


def test_the_table_is_light() -> None:
    code = (
        "import sys, qaml.metrics.table as t; [t.metric(n) for n in t.METRICS.kinds()]; print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
