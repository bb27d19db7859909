from __future__ import annotations

import pytest
from pydantic import ValidationError

from qaml.claims.base import CLAIMS, NO_TABLES, ReportedTable
from qaml.claims.reported import Reported
from qaml.errors import PartError
from tests.claims.estimators import KnownEstimator, make

CELL = {"model": "a", "attack": "pgd"}
OTHER = {"model": "b", "attack": ["fgsm", "pgd"]}


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("bound", {"of": CELL, "at_least": 0.5}, "a metric is missing"),
        ("bound", {"of": CELL, "metric": "robust_accuracy"}, "expected at_least, at_most, or both"),
        ("bound", {"of": CELL, "metric": "robust_accuracy", "at_least": 0.6, "at_most": 0.5}, "larger than"),
        ("bound", {"of": CELL, "metric": "robust_accuracy", "at_least": 90}, r"0 to 1: did you mean 0\.9\?"),
        (
            "difference",
            {"of": CELL, "over": OTHER, "metric": "robust_accuracy", "at_most": -5},
            r"did you mean -0\.05\?",
        ),
        ("bound", {"of": OTHER, "metric": "accuracy_under_attack", "at_least": 0.6}, "takes one attack"),
        ("bound", {"of": {**CELL, "epsilon": 0.1}, "metric": "epsilon_at", "at_least": 0.6}, "takes no epsilon"),
        ("contrast", {"metric": "robust_accuracy", "at_least": 0.6}, "either terms"),
        ("contrast", {"metric": "robust_accuracy", "at_least": 0.6, "terms": [{**CELL, "weight": 0.0}]}, "zero"),
        (
            "equivalence",
            {"metric": "robust_accuracy", "of": CELL, "over": OTHER, "margin": -0.1},
            "greater than or equal to 0",
        ),
        (
            "equivalence",
            {"metric": "norm_quantile", "of": CELL, "over": {"model": "b", "attack": "pgd"}, "margin": 0.0},
            "norm_quantile is no average over images",
        ),
        ("ordering", {"metric": "robust_accuracy", "order": [CELL, CELL]}, "twice"),
        ("ordering", {"metric": "robust_accuracy", "order": [CELL, {**OTHER, "epsilon": "every"}]}, "one budget"),
        ("trend", {"metric": "robust_accuracy", "along": [CELL], "direction": "flat"}, "at least two"),
        (
            "trend",
            {"metric": "robust_accuracy", "along": [CELL, {**OTHER, "epsilon": "every"}], "direction": "flat"},
            "not both",
        ),
        ("trend", {"metric": "robust_accuracy", "along": [CELL, OTHER], "direction": "flat", "total": 0.1}, "flat"),
        ("parameter", {"model": "a", "name": "bias"}, "expected at_least"),
        ("all_of", {"claims": []}, "at least 1"),
        ("any_of", {"claims": [{"kind": "bond"}]}, "unknown claim kind"),
    ],
)
def test_senseless_claims_are_refused(kind: str, fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make(kind, **fields)


def test_every_built_in_kind_loads() -> None:
    for kind in CLAIMS.kinds():
        assert CLAIMS.load(kind).model_fields["kind"].default == kind


def test_cells_have_their_metric_filled_in() -> None:
    part = make("difference", metric="robust_accuracy", of=CELL, over={**OTHER, "metric": "retained"}, at_least=0.0)
    assert [cell.metric for cell in part.cells()] == ["robust_accuracy", "retained"]


TABLE = ReportedTable(
    metric="accuracy_under_attack", epsilon=0.1, columns=("a", "b"), rows={"pgd": (0.6, None), "clean": (0.9, 0.8)}
)


def test_reported_cells_come_from_the_table() -> None:
    part = make("reported", table="t")
    assert part.cells() == ()
    cells = part.cells({"t": TABLE})
    assert [(c.model, c.attack, c.metric, c.epsilon) for c in cells] == [
        ("a", ("pgd",), "accuracy_under_attack", 0.1),
        ("a", (), "clean_accuracy", None),
        ("b", (), "clean_accuracy", None),
    ]
    assert {c.protocol for c in cells} == {"as_published"}
    nested = make("all_of", claims=[{"kind": "reported", "table": "t", "attack": "clean"}])
    assert len(nested.cells({"t": TABLE})) == 2
    assert nested.cells(NO_TABLES) == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "c"}, "no column 'c'"),
        ({"attack": "cw"}, "no row 'cw'"),
        ({"model": "b", "attack": "pgd"}, "no value"),
    ],
)
def test_reported_names_what_the_table_lacks(fields: dict[str, str], message: str) -> None:
    part = make("reported", table="t", **fields)
    assert isinstance(part, Reported)
    with pytest.raises(PartError, match=message):
        part.cells({"t": TABLE})


def test_trend_needs_two_budgets() -> None:
    part = make("trend", metric="robust_accuracy", along=[{**CELL, "epsilon": "every"}], direction="decreasing")
    with pytest.raises(PartError, match="needs two budgets"):
        part.decide(KnownEstimator({}, grid=(0.1,)))


def test_parameter_must_keep_its_length() -> None:
    part = make("parameter", model="rbm", name="bias", at_least=0.0)
    with pytest.raises(PartError, match="changes its length"):
        part.decide(KnownEstimator({}, parameters=((1.0, 2.0), (1.0,))))
