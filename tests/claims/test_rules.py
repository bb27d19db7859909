from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.claims.base import Decision, Estimate, Measured
from qaml.claims.rules import holm, of_all, of_any, verdict_of
from qaml.claims.wording import Notation, decision, number
from qaml.vocab import VERDICTS, Verdict

numbers = st.floats(-1, 1)


def test_holm_by_hand() -> None:
    # sorted 0.01 × 3, 0.03 × 2, 0.04 × 1, made monotone
    assert holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
    adjusted = holm([0.5, math.nan, 0.01])
    assert adjusted[0] == pytest.approx(0.5)
    assert math.isnan(adjusted[1])
    assert adjusted[2] == pytest.approx(0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_unadjusted_and_bonferroni(p_values: list[float]) -> None:
    for p, q in zip(p_values, holm(p_values), strict=True):
        assert p <= q <= min(1.0, len(p_values) * p)


@given(numbers, st.floats(0, 0.5), numbers, st.booleans(), st.booleans())
def test_findings_only_take_decisions_away(value: float, half: float, limit: float, lower: bool, higher: bool) -> None:
    plain = Estimate(value, value - half, value + half)
    limited = plain._replace(may_be_lower=lower, may_be_higher=higher)
    before, after = verdict_of(plain, limit, None), verdict_of(limited, limit, None)
    if lower or higher:
        assert after in (before, "invalid")
    if before == "refuted" and not higher:
        assert after == "refuted"
    if before == "supported" and not lower:
        assert after == "supported"


@given(numbers, st.floats(0, 0.5), numbers)
def test_verdict_mirrors(value: float, half: float, limit: float) -> None:
    plain = Estimate(value, value - half, value + half)
    mirrored = Estimate(-value, -value - half, -value + half)
    assert verdict_of(plain, limit, None) == verdict_of(mirrored, None, -limit)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_combining_one_verdict_keeps_it(verdict: Verdict) -> None:
    assert of_all([verdict, verdict]) == of_any([verdict]) == verdict


@pytest.mark.parametrize(
    ("estimate", "limits", "unit", "text"),
    [
        (
            Estimate(0.124, 0.081, 0.169, n_seeds=5, n_images=1000),
            (0.05, None),
            "points",
            "+12.4 points, 95 % interval 8.1 to 16.9, needed ≥ 5; 5 seeds × 1,000 images",
        ),
        (
            Estimate(-0.03, -0.062, 0.003, n_seeds=1, n_images=500, may_be_lower=True),
            (-0.02, 0.02),
            "points",
            "−3.0 points, 95 % interval −6.2 to 0.3, needed between −2 and 2; a weak attack means that the truth may "
            "be lower; 500 images, 1 seed, so of this trained model",
        ),
        (
            Estimate(0.432, 0.41, 0.4549, n_seeds=3, n_images=100, is_void=True),
            (None, 0.3),
            "percent",
            "43.2 %, 95 % interval 41.0 to 45.5, needed ≤ 30; the measurement is void; 3 seeds × 100 images",
        ),
        (
            Estimate(1.2345, 1.0, math.inf, n_seeds=3, n_images=100),
            (1.1, None),
            "plain",
            "1.23, 95 % interval 1 to ∞, needed ≥ 1.1; 3 seeds × 100 images",
        ),
    ],
)
def test_sentences(estimate: Estimate, limits: tuple[float | None, float | None], unit: Notation, text: str) -> None:
    assert decision("supported", [Measured("", estimate, *limits)], unit).reason == text


LOW = Estimate(0.72, 0.67, 0.76, n_seeds=3, worst_low=0.59, gap=0.08)


@pytest.mark.parametrize(
    ("made", "beyond"),
    [
        (decision("supported", [Measured("a", Estimate(0.7, 0.6, 0.8), 0.5)], "percent"), ""),
        (decision("refuted", [Measured("a", Estimate(0.4, 0.3, 0.45), 0.5)], "percent", beside="reversed"), "reversed"),
        (
            decision("invalid", [Measured("a", LOW, 0.65)], "percent", is_named=True, beside="1 of 2 invalid"),
            "a: with the battery at most 64.0, interval from 59.0; 1 of 2 invalid",
        ),
        (
            decision("invalid", [Measured("a", LOW._replace(gap=0.0), 0.65)], "percent"),
            "the battery finds no more, on too few images to rule it out: interval from 59.0",
        ),
        (
            decision(
                "invalid", [Measured("a", LOW._replace(worst_low=None, worst_high=0.8, gap=0.0), None, 0.79)], "percent"
            ),
            "the battery finds no more, on too few images to rule it out: interval to 80.0",
        ),
        (decision("invalid", [Measured("a", LOW._replace(gap=0.0), 0.7)], "percent"), ""),
        (
            decision("invalid", [Measured("a", LOW, 0.65)], "percent").preceded_by("first").followed_by("last"),
            "first; with the battery at most 64.0, interval from 59.0; last",
        ),
    ],
)
def test_what_a_reason_says_beyond_the_numbers_is_known(made: Decision, beyond: str) -> None:
    """Pages show the numbers beside the verdict: the rest is a value, not a text that somebody reads back."""
    assert made.beyond == beyond
    assert all(part in made.reason for part in beyond.removeprefix("a: ").split("; "))
    assert "95 % interval" in made.reason
    assert "95 % interval" not in beyond


def test_a_reason_of_another_kind_stays_one() -> None:
    made = Decision("inconclusive", "no budget fits", ())
    assert made.preceded_by("at this scale").followed_by("as shown") == Decision(
        "inconclusive", "at this scale; no budget fits; as shown", ()
    )


def test_zero_has_no_sign() -> None:
    assert number(-0.0001, "points", signed=True) == "0.0"
    assert number(math.nan, "plain") == "unknown"
