"""Equivalence: two one-sided tests at 5 %, identity on every image, and what each can decide."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.claims.base import Estimate
from qaml.judge.judge import judge
from qaml.vocab import Verdict
from tests.claims.estimators import Known, KnownEstimator, make
from tests.judge.sources import ArraySource, add, claim, entry, firsts

A, B = {"model": "a", "attack": "pgd"}, {"model": "b", "attack": "pgd"}


def estimator(difference: float, error: float, **options: object) -> KnownEstimator:
    return KnownEstimator({"a": Known(0.5 + difference, error), "b": Known(0.5, 0.0)}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("difference", "error", "verdict"),
    [
        (0.0, 0.028, "supported"),  # ± 4.6 points at 90 %, ± 5.5 at 95 %
        (0.0, 0.031, "inconclusive"),  # ± 5.1 at 90 %
        (0.10, 0.028, "inconclusive"),  # from 4.5 at 95 %, 5.4 at 90 %: refutation keeps the wider one
        (0.11, 0.028, "refuted"),
    ],
)
def test_support_takes_the_90_percent_interval_and_refutation_the_95(
    difference: float, error: float, verdict: Verdict
) -> None:
    decision = make("equivalence", metric="robust_accuracy", of=A, over=B, margin=0.05).decide(
        estimator(difference, error)
    )
    assert decision.verdict == verdict, decision.reason
    assert ("90 % interval" in decision.reason) == (verdict == "supported")
    assert ("95 % interval" in decision.reason) == (verdict != "supported")


RAW_A, RAW_B = ({**cell, "protocol": "as_published"} for cell in (A, B))
"""Cells that no battery has to check."""
EXACT = claim("equivalence", metric="robust_accuracy", of=RAW_A, over=RAW_B, margin=0)


def source(first: np.ndarray, second: np.ndarray) -> ArraySource:
    made = ArraySource()
    for model, rows in (("a", first), ("b", second)):
        add(made, model, np.ones_like(rows), {"pgd": [rows]})
    return made


@pytest.mark.parametrize("seeds", [1, 3])
def test_identity_is_supported_by_every_image_of_every_run(seeds: int) -> None:
    rows = firsts(100, 60, seeds)
    found = judge(entry(EXACT), source(rows, rows.copy()))
    assert found.verdict == "supported", found.reason
    assert "no image of any run is answered differently" in found.reason
    assert found.measured[0].estimate.low < 0 < found.measured[0].estimate.high


def test_one_image_of_one_run_is_enough_not_to_be_identical() -> None:
    rows = firsts(100, 60, 3)
    other = rows.copy()
    other[2, 5] = 0
    assert judge(entry(EXACT), source(rows, other)).verdict == "inconclusive"


def test_differences_that_cancel_are_no_identity() -> None:
    rows = firsts(100, 50, 3)
    assert judge(entry(EXACT), source(rows, rows[:, ::-1].copy())).verdict == "inconclusive"


def test_an_interval_without_zero_refutes_identity() -> None:
    assert judge(entry(EXACT), source(firsts(100, 60, 3), firsts(100, 30, 3))).verdict == "refuted"


def test_runs_without_a_partner_are_not_known_to_be_identical() -> None:
    assert judge(entry(EXACT), source(firsts(100, 60, 3), firsts(100, 60, 2))).verdict == "inconclusive"


def test_with_a_margin_identity_is_no_certainty_about_other_images() -> None:
    """100 images without a difference leave up to 3 % of all images that differ (the rule of three)."""
    rows = firsts(100, 60, 3)
    close = claim("equivalence", metric="robust_accuracy", of=RAW_A, over=RAW_B, margin=0.01)
    found = judge(entry(close), source(rows, rows.copy()))
    assert found.verdict == "inconclusive"
    assert "which margin: 0 asks for" in found.reason
    wider = claim("equivalence", metric="robust_accuracy", of=RAW_A, over=RAW_B, margin=0.025)
    assert judge(entry(wider), source(rows, rows.copy())).verdict == "supported"


def test_a_weak_attack_leaves_identity_open() -> None:
    part = make("equivalence", metric="robust_accuracy", of=A, over=B, margin=0)
    weak = KnownEstimator({"a": Known(0.5, may_be_lower=True), "b": Known(0.5)}, n_differing=0)
    assert part.decide(weak).verdict == "invalid"


def test_identity_that_no_battery_checked_is_not_supported() -> None:
    part = make("equivalence", metric="robust_accuracy", of=A, over=B, margin=0)

    class Unchecked(KnownEstimator):
        def contrast(self, *args: object, **options: object) -> Estimate:
            return super().contrast(*args, **options)._replace(is_unchecked=(True, False))  # type: ignore[arg-type]

    values: dict[str | tuple[str, float], Known] = {"a": Known(0.5), "b": Known(0.5)}
    assert part.decide(Unchecked(values, n_differing=0)).verdict == "inconclusive"
    assert part.decide(KnownEstimator(values, n_differing=0)).verdict == "supported"
