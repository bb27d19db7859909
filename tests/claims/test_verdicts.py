"""Every claim kind reaches each of the four verdicts."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from scipy import stats

from qaml.claims.base import CLAIMS, Cell, ClaimPart, ReportedTable
from qaml.errors import PartError
from qaml.vocab import Verdict
from tests.claims.estimators import Known, KnownEstimator, make

WEAK, VOID = {"may_be_lower": True}, {"is_void": True}


def cell(model: str, **fields: object) -> dict[str, object]:
    return {"model": model, "attack": "pgd", **fields}


BOUND = make("bound", metric="robust_accuracy", of=cell("a"), at_least=0.5)
CAPPED = make("bound", metric="robust_accuracy", of=cell("a"), at_most=0.5)
DIFFERENCE = make("difference", metric="robust_accuracy", of=cell("a"), over=cell("b"), at_least=0.05)
DROPS = make(
    "contrast",
    metric="robust_accuracy",
    terms=[cell("a"), cell("b", weight=-1.0), cell("c", weight=-1.0), cell("d")],
    at_least=0.1,
)
EQUIVALENCE = make("equivalence", metric="robust_accuracy", of=cell("a"), over=cell("b"), margin=0.05)
ORDERING = make("ordering", metric="robust_accuracy", order=[cell("a"), cell("b"), cell("c")], tie=0.02)
RISING = make(
    "trend", metric="robust_accuracy", along=[cell("a"), cell("b"), cell("c")], direction="increasing", total=0.1
)
FALLING = make(
    "trend", metric="robust_accuracy", along=[cell("a"), cell("b"), cell("c")], direction="decreasing", total=0.1
)
FLAT = make("trend", metric="robust_accuracy", along=[cell("a"), cell("b"), cell("c")], direction="flat", margin=0.05)


def known(*values: float, error: float = 0.01, weak: str = "", void: str = "") -> KnownEstimator:
    return KnownEstimator(
        {
            name: Known(value, error, may_be_lower=name in weak, is_void=name in void)
            for name, value in zip("abcd", values, strict=False)
        }
    )


CASES: list[tuple[str, ClaimPart, KnownEstimator, Verdict]] = [
    ("bound", BOUND, known(0.6), "supported"),
    ("bound", BOUND, known(0.4), "refuted"),
    ("bound", BOUND, known(0.51), "inconclusive"),
    ("bound", BOUND, known(0.6, weak="a"), "invalid"),
    ("bound, weak and low", BOUND, known(0.4, weak="a"), "refuted"),
    ("bound, void", BOUND, known(0.4, void="a"), "invalid"),
    ("capped, weak and low", CAPPED, known(0.4, weak="a"), "supported"),
    ("capped, weak and high", CAPPED, known(0.6, weak="a"), "invalid"),
    ("difference", DIFFERENCE, known(0.6, 0.4), "supported"),
    ("difference", DIFFERENCE, known(0.6, 0.6), "refuted"),
    ("difference", DIFFERENCE, known(0.6, 0.54), "inconclusive"),
    ("difference, weak on a", DIFFERENCE, known(0.6, 0.4, weak="a"), "invalid"),
    ("difference, weak on b", DIFFERENCE, known(0.6, 0.4, weak="b"), "supported"),
    ("difference, weak on a", DIFFERENCE, known(0.4, 0.6, weak="a"), "refuted"),
    ("difference, weak on b", DIFFERENCE, known(0.4, 0.6, weak="b"), "invalid"),
    ("difference, weak on both", DIFFERENCE, known(0.4, 0.6, weak="ab"), "invalid"),
    ("contrast", DROPS, known(0.9, 0.5, 0.8, 0.7), "supported"),
    ("contrast", DROPS, known(0.9, 0.8, 0.8, 0.7), "refuted"),
    ("contrast", DROPS, known(0.9, 0.7, 0.8, 0.7), "inconclusive"),
    ("contrast", DROPS, known(0.9, 0.5, 0.8, 0.7, weak="d"), "invalid"),
    ("contrast, weak on c", DROPS, known(0.9, 0.5, 0.8, 0.7, weak="c"), "supported"),
    ("equivalence", EQUIVALENCE, known(0.6, 0.6), "supported"),
    ("equivalence", EQUIVALENCE, known(0.6, 0.4), "refuted"),
    ("equivalence", EQUIVALENCE, known(0.6, 0.56), "inconclusive"),
    ("equivalence", EQUIVALENCE, known(0.6, 0.6, weak="a"), "invalid"),
    ("equivalence, weak on b and far above", EQUIVALENCE, known(0.6, 0.4, weak="b"), "refuted"),
    ("ordering", ORDERING, known(0.9, 0.8, 0.7), "supported"),
    ("ordering", ORDERING, known(0.8, 0.9, 0.7), "refuted"),
    ("ordering, ends reversed", ORDERING, known(0.8, 0.82, 0.86), "refuted"),
    ("ordering, a tie", ORDERING, known(0.9, 0.89, 0.7), "inconclusive"),
    ("ordering", ORDERING, known(0.9, 0.8, 0.7, weak="a"), "invalid"),
    ("ordering, weak on the last", ORDERING, known(0.9, 0.8, 0.7, weak="c"), "supported"),
    ("ordering, weak and reversed", ORDERING, known(0.8, 0.9, 0.7, weak="b"), "invalid"),
    ("rising", RISING, known(0.5, 0.6, 0.7), "supported"),
    ("rising, one step down", RISING, known(0.5, 0.8, 0.7), "refuted"),
    ("rising, too little", RISING, known(0.5, 0.51, 0.52), "refuted"),
    ("rising", RISING, known(0.5, 0.6, 0.61), "inconclusive"),
    ("rising", RISING, known(0.5, 0.6, 0.7, weak="c"), "invalid"),
    ("falling", FALLING, known(0.7, 0.6, 0.5), "supported"),
    ("falling", FALLING, known(0.5, 0.6, 0.7), "refuted"),
    ("falling", FALLING, known(0.7, 0.6, 0.59), "inconclusive"),
    ("falling", FALLING, known(0.7, 0.6, 0.5, void="b"), "invalid"),
    ("flat", FLAT, known(0.5, 0.5, 0.5), "supported"),
    ("flat, the ends differ", FLAT, known(0.5, 0.54, 0.59), "refuted"),
    ("flat", FLAT, known(0.5, 0.53, 0.5), "inconclusive"),
    ("flat", FLAT, known(0.5, 0.5, 0.5, weak="b"), "invalid"),
]


OF_THEIR_OWN = {"all_of", "any_of", "reported", "detection", "parameter"}
"""Kinds that need evidence of another form, or claims inside: their cases are those of the tests named after them."""


@pytest.mark.parametrize("kind", [kind for kind in CLAIMS.builtin_kinds() if kind not in OF_THEIR_OWN])
def test_every_kind_reaches_every_verdict(kind: str) -> None:
    lost = set(get_args(Verdict)) - {verdict for _, part, _, verdict in CASES if part.kind == kind}
    assert not lost, f"CASES has no claim of kind {kind!r} that is {' or '.join(sorted(lost))}"


@pytest.mark.parametrize(("name", "part", "estimator", "verdict"), CASES)
def test_verdict(name: str, part: ClaimPart, estimator: KnownEstimator, verdict: Verdict) -> None:
    decision = part.decide(estimator)
    assert decision.verdict == verdict, f"{name}: {decision.reason}"
    assert decision.measured
    assert decision.reason


@pytest.mark.parametrize("kind", ["all_of", "any_of"])
@pytest.mark.parametrize(
    ("value", "other", "weak", "all_of", "any_of"),
    [
        (0.6, 0.6, "", "supported", "supported"),
        (0.6, 0.4, "", "refuted", "supported"),
        (0.4, 0.4, "", "refuted", "refuted"),
        (0.51, 0.6, "", "inconclusive", "supported"),
        (0.51, 0.4, "", "refuted", "inconclusive"),
        (0.6, 0.51, "a", "invalid", "invalid"),
        (0.6, 0.4, "a", "refuted", "invalid"),
    ],
)
def test_combination(kind: str, value: float, other: float, weak: str, all_of: Verdict, any_of: Verdict) -> None:
    second = {"kind": "bound", "metric": "robust_accuracy", "of": cell("b"), "at_least": 0.5}
    part = make(kind, claims=[{**second, "of": cell("a")}, second])
    expected = all_of if kind == "all_of" else any_of
    decision = part.decide(known(value, other, weak=weak))
    assert decision.verdict == expected
    assert len(decision.measured) == 2
    assert [c.model for c in part.cells()] == ["a", "b"]


TABLE = ReportedTable(
    metric="accuracy_under_attack",
    n=100,
    columns=("a", "b"),
    rows={"pgd": (0.60, 0.58), "clean": (0.9, None)},
)


@pytest.mark.parametrize(
    ("values", "seeds", "options", "verdict"),
    [
        ((0.60, 0.58), 3, {}, "supported"),
        ((0.70, 0.58), 3, {}, "refuted"),
        ((0.579, 0.58), 3, {}, "inconclusive"),  # outside 95 %, inside 97.5 %: one of two cells may be
        ((0.70, 0.58), 1, {}, "inconclusive"),  # it might be another training run
        ((0.60, 0.58), 3, {"weak": "a"}, "invalid"),
        ((0.50, 0.58), 3, {"weak": "a"}, "refuted"),  # the paper's is higher, and the truth may only be lower
        ((0.60, 0.58), 3, {"void": "b"}, "invalid"),
    ],
)
def test_reported(values: tuple[float, float], seeds: int, options: dict[str, str], verdict: Verdict) -> None:
    estimator = known(*values, **options)  # type: ignore[arg-type]
    estimator.tables["t"] = TABLE
    estimator.n_seeds = seeds
    part = make("reported", table="t", attack="pgd")
    decision = part.decide(estimator)
    assert decision.verdict == verdict, decision.reason
    assert {m.paper for m in decision.measured} == {0.60, 0.58}
    assert "cannot separate 1 of 1 pairs" in decision.reason
    estimator.judges_tables = False
    assert part.decide(estimator).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("rates", "verdict"),
    [
        ((Known(0.95), Known(0.02)), "supported"),
        ((Known(0.85), Known(0.02)), "refuted"),
        ((Known(0.95), Known(0.10)), "refuted"),
        ((Known(0.91), Known(0.02)), "inconclusive"),
        ((Known(0.95), Known(0.02, is_void=True)), "invalid"),
    ],
)
def test_detection(rates: tuple[Known, Known], verdict: Verdict) -> None:
    part = make("detection", detector="disagreement", true_positives_at_least=0.9, false_positives_at_most=0.05)
    assert part.decide(KnownEstimator({}, rates=rates)).verdict == verdict
    assert part.cells() == ()


@pytest.mark.parametrize(
    ("reduce", "vectors", "verdict"),
    [
        ("mean", ((1.0, 3.0), (1.1, 3.1), (0.9, 2.9)), "supported"),
        ("max", ((1.0, 3.0), (1.1, 3.1), (0.9, 2.9)), "supported"),
        ("every", ((1.0, 3.0), (1.1, 3.1), (0.9, 2.9)), "inconclusive"),
        ("every", ((0.1, 3.0), (0.2, 3.1), (0.1, 2.9)), "refuted"),
        ("every", ((2.0, 3.0), (2.1, 3.1), (1.9, 2.9)), "supported"),
        ("mean", ((0.1, 0.3), (0.1, 0.2), (0.2, 0.2)), "refuted"),
        ("mean", ((5.0, 5.0),), "inconclusive"),
        ("mean", ((float("nan"), 5.0), (1.0, 1.0)), "invalid"),
    ],
)
def test_parameter(reduce: str, vectors: tuple[tuple[float, ...], ...], verdict: Verdict) -> None:
    part = make("parameter", model="rbm", name="bias", reduce=reduce, at_least=1.0)
    assert part.decide(KnownEstimator({}, parameters=vectors)).verdict == verdict
    assert [c.model for c in part.cells()] == ["rbm"]


def test_magnitudes_of_a_parameter() -> None:
    vectors = ((-2.0, 2.0), (2.1, -2.1), (-1.9, -1.9))
    signed, unsigned = (
        make("parameter", model="rbm", name="bias", magnitude=magnitude, at_least=1.0).decide(
            KnownEstimator({}, parameters=vectors)
        )
        for magnitude in (False, True)
    )
    assert signed.verdict != "supported"
    assert unsigned.verdict == "supported"
    assert unsigned.measured[0].label == "mean |bias| of rbm"


@pytest.mark.parametrize(("reduce", "papers"), [("every", [2.0, 1.0]), ("mean", [1.5]), ("max", [2.0])])
def test_the_papers_parameters_stand_beside_ours(reduce: str, papers: list[float]) -> None:
    """Reduced like ours; they decide nothing."""
    part = make("parameter", model="rbm", name="bias", reduce=reduce, magnitude=True, at_least=0.1, paper=(-2.0, 1.0))
    decision = part.decide(KnownEstimator({}, parameters=((0.5, 0.6), (0.5, 0.6))))
    assert decision.verdict == "supported"
    assert [measured.paper for measured in decision.measured] == papers


def test_a_paper_with_other_components_is_an_error() -> None:
    part = make("parameter", model="rbm", name="bias", at_least=0.1, paper=(1.0,))
    with pytest.raises(PartError, match="has 2 components, 'paper' has 1"):
        part.decide(KnownEstimator({}, parameters=((0.5, 0.6), (0.5, 0.6))))


def test_every_epsilon_is_an_intersection_union_test() -> None:
    part = make(
        "difference",
        metric="robust_accuracy",
        of=cell("a", epsilon="every"),
        over=cell("b", epsilon="every"),
        at_least=0.05,
    )
    values: dict[str | tuple[str, float], Known] = {"a": Known(0.8), "b": Known(0.6), ("a", 0.2): Known(0.65)}
    estimator = KnownEstimator(values, grid=(0.1, 0.2))
    decision = part.decide(estimator)
    assert decision.verdict == "inconclusive"
    assert decision.measured[0].label.endswith("at ε = 0.2")
    assert "1 of 2 inconclusive, Holm-adjusted p" in decision.reason
    values["a", 0.2] = Known(0.9)
    assert part.decide(estimator).verdict == "supported"


def test_every_epsilon_needs_a_common_one() -> None:
    swept = make(
        "difference",
        metric="robust_accuracy",
        of=cell("a", epsilon="every"),
        over=cell("b", epsilon="every"),
        at_least=0.05,
    )
    with pytest.raises(PartError, match="a under pgd and b under pgd have no budget in common"):
        swept.decide(KnownEstimator({"a": Known(0.8), "b": Known(0.6)}, grid=()))


def test_the_label_of_a_swept_cell_names_one_budget() -> None:
    part = make("bound", metric="robust_accuracy", of=cell("a", epsilon="every"), at_least=0.5)
    decision = part.decide(KnownEstimator({"a": Known(0.8)}, grid=(0.1, 0.2)))
    assert [m.label for m in decision.measured] == ["a under pgd at ε = 0.1", "a under pgd at ε = 0.2"]
    assert Cell.model_validate(cell("a", epsilon="every", aggregate="min")).label == "a under pgd, min over ε"


def test_the_member_that_refutes_most_clearly_speaks() -> None:
    """Not the one with the lowest value: b is measured too badly to refute anything."""
    limits = {"at_least": 0.5, "metric": "robust_accuracy"}
    part = make("contrast", each=[[cell("a")], [cell("b")], [cell("c")]], **limits)
    estimator = KnownEstimator({"a": Known(0.4), "b": Known(0.35, error=0.2), "c": Known(0.45)})
    decision = part.decide(estimator)
    assert decision.verdict == "refuted"
    assert decision.measured[0].label == "a under pgd"
    assert "(2 of 3 refuted, this one most clearly, Holm-adjusted p < 0.0001)" in decision.reason


def test_p_values_are_against_the_nearest_limit() -> None:
    part = make("contrast", metric="robust_accuracy", terms=[cell("a")], at_least=0.5, at_most=0.7)
    for value in (0.48, 0.52, 0.68, 0.72):
        (measured,) = part.decide(known(value)).measured
        assert measured.estimate.p_value == pytest.approx(0.0455, abs=1e-3)
    (measured,) = EQUIVALENCE.decide(known(0.6, 0.57)).measured
    assert measured.estimate.p_value == pytest.approx(2 * stats.norm.sf(2 / 2**0.5))


def test_a_nan_component_is_never_the_largest_one_only() -> None:
    part = make("parameter", model="rbm", name="bias", reduce="max", at_least=1.0)
    for vector in ((5.0, math.nan), (math.nan, 5.0)):
        assert part.decide(KnownEstimator({}, parameters=(vector, (5.0, 5.0)))).verdict == "invalid"


def test_trend_along_epsilon() -> None:
    part = make("trend", metric="robust_accuracy", along=[cell("a", epsilon="every")], direction="decreasing")
    values: dict[str | tuple[str, float], Known] = {("a", e): Known(1 - e) for e in (0.1, 0.2, 0.3)}
    estimator = KnownEstimator(values, grid=(0.1, 0.2, 0.3))
    assert part.decide(estimator).verdict == "supported"
    values["a", 0.3] = Known(0.9)
    assert part.decide(estimator).verdict == "refuted"


def test_range_over_several_contrasts() -> None:
    each = [[cell(x), cell(y, weight=-1.0)] for x, y in ("ab", "ac")]
    part = make("contrast", metric="robust_accuracy", each=each, at_least=0.0462, at_most=0.7241)
    assert part.decide(known(0.9, 0.8, 0.3)).verdict == "supported"
    assert part.decide(known(0.9, 0.89, 0.3)).verdict == "refuted"
    assert part.decide(known(0.9, 0.8, 0.1)).verdict == "refuted"
    assert part.decide(known(0.9, 0.85, 0.3)).verdict == "inconclusive"
