"""A paper's table: what fits anything supports nothing, what the paper leaves open is not comparable."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from qaml.claims.base import Estimate, ReportedTable
from qaml.claims.reported import Reported
from qaml.claims.some_epsilon import Column, some_epsilon
from qaml.errors import PartError
from qaml.vocab import Verdict
from tests.claims.estimators import Known, KnownEstimator, make

ROW = ReportedTable(
    metric="accuracy_under_attack", columns=("a", "b", "c"), rows={"fgsm": (0.60, 0.65, 0.20), "clean": (0.9, 0.9, 0.9)}
)


def known(error: float, value: float = 0.60, **options: object) -> KnownEstimator:
    return KnownEstimator({"a": Known(value, error)}, tables={"t": ROW}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "fields", "verdict"),
    [
        (0.05, {}, "supported"),  # reaches 9.8 points
        (0.052, {}, "inconclusive"),  # 10.2
        (0.052, {"half_width": 0.11}, "supported"),
        (0.02, {"half_width": 0.03}, "inconclusive"),
    ],
)
def test_an_interval_that_fits_too_much_supports_nothing(
    error: float, fields: dict[str, float], verdict: Verdict
) -> None:
    part = make("reported", table="t", model="a", attack="fgsm", **fields)
    assert part.decide(known(error)).verdict == verdict


def test_the_farther_side_counts() -> None:
    class Skewed(KnownEstimator):
        def predict(self, *args: object, **options: object) -> Estimate:
            return super().predict(*args, **options)._replace(low=0.42, high=0.61)  # type: ignore[arg-type]

    estimator = Skewed({"a": Known(0.60)}, tables={"t": ROW})
    assert make("reported", table="t", model="a", attack="fgsm").decide(estimator).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("enough", "seeds", "words"),
    [
        (9, 3, "too few training runs, about 9 would do"),
        (None, 3, "one run of this training is not reproducible to 10 points"),
        (None, 1, "too few images, of the paper's or of ours"),
    ],
)
def test_it_says_why_an_interval_is_wide(enough: int | None, seeds: int, words: str) -> None:
    part = make("reported", table="t", model="a", attack="fgsm")
    decision = part.decide(known(0.06, enough=enough, n_seeds=seeds))
    assert words in decision.reason
    assert "1 of the row's 2 other values would fit as well" in decision.reason


def test_plain_numbers_are_held_to_a_share_of_the_papers_value() -> None:
    table = ReportedTable(metric="norm_quantile", columns=("a",), rows={"deepfool": (30.0,)})
    verdicts = []
    for error in (3.0, 3.2):  # reaches 5.9 and 6.3 of 30
        estimator = KnownEstimator({"a": Known(31.0, error)}, tables={"t": table})
        verdicts.append(make("reported", table="t").decide(estimator).verdict)
    assert verdicts == ["supported", "inconclusive"]


def test_what_the_paper_leaves_open_is_not_comparable() -> None:
    part = make("reported", table="t", model="a", attack="fgsm")
    refuted = part.decide(known(0.01, 0.8))
    assert refuted.verdict == "refuted"
    opened = part.decide(known(0.01, 0.8, open_settings={"fgsm": ("epsilon", "steps")}))
    assert opened.verdict == "invalid"
    assert "not comparable: the paper leaves epsilon and steps of fgsm open" in opened.reason
    fits = part.decide(known(0.01, 0.6, open_settings={"fgsm": ("epsilon",)}))
    assert fits.verdict == "supported"  # our choice gives the paper's value
    other = part.decide(known(0.01, 0.8, open_settings={"pgd": ("epsilon",)}))
    assert other.verdict == "refuted"


def test_clean_accuracy_needs_no_attack_and_stays_comparable() -> None:
    estimator = KnownEstimator({"a": Known(0.5)}, tables={"t": ROW}, open_settings={"fgsm": ("epsilon",)})
    assert make("reported", table="t", model="a", attack="clean").decide(estimator).verdict == "refuted"


ANY = make("reported", table="t", attack="fgsm", epsilon="any")
GRID = (0.1, 0.2, 0.3)


def curves(*columns: tuple[float, ...], error: float = 0.01, **options: object) -> KnownEstimator:
    """Accuracies on clean images and at each budget of the grid, a column a model."""
    values: dict[str | tuple[str, float], Known] = {}
    for model, (clean, *others) in zip("abc", columns, strict=True):
        values[model] = Known(clean, error)
        values |= {(model, e): Known(value, error) for e, value in zip(GRID, others, strict=True)}
    return KnownEstimator(values, GRID, tables={"t": ROW}, **options)  # type: ignore[arg-type]


FITS = ((0.9, 0.8, 0.61, 0.4), (0.9, 0.8, 0.64, 0.4), (0.9, 0.5, 0.2, 0.1))
NEVER = ((0.9, 0.8, 0.61, 0.4), (0.9, 0.8, 0.64, 0.4), (0.9, 0.85, 0.8, 0.7))


def test_some_epsilon_gives_the_whole_row() -> None:
    decision = ANY.decide(curves(*FITS))
    assert decision.verdict == "supported", decision.reason
    assert "fits ε from 0.1 to 0.3" in decision.reason  # the gaps beside it hold the values, too
    assert [m.label for m in decision.measured] == [f"{m} under fgsm at ε = 0.2" for m in "abc"]
    assert [m.paper for m in decision.measured] == [0.60, 0.65, 0.20]


def test_no_epsilon_gives_the_whole_row() -> None:
    """Each column by itself has a budget; together they have none."""
    decision = ANY.decide(curves(*NEVER))
    assert decision.verdict == "refuted"
    assert "no epsilon gives them" in decision.reason
    assert ANY.decide(curves(*NEVER, n_seeds=1)).verdict == "inconclusive"


def test_between_two_budgets_accuracy_lies_between_its_neighbours() -> None:
    decision = ANY.decide(curves((0.9, 0.7, 0.5, 0.4), (0.9, 0.7, 0.6, 0.4), (0.9, 0.3, 0.1, 0.1)))
    assert "fits ε from 0.1 to 0.2" in decision.reason
    assert decision.verdict == "inconclusive"  # the hull of both reaches farther than 10 points
    steep = ANY.decide(curves((0.9, 0.64, 0.56, 0.4), (0.9, 0.69, 0.61, 0.4), (0.9, 0.24, 0.16, 0.1)))
    assert steep.verdict == "supported", steep.reason


def test_budgets_beyond_the_grid_do_not_refute() -> None:
    decision = ANY.decide(curves((0.9, 0.8, 0.8, 0.8), (0.9, 0.8, 0.8, 0.8), (0.9, 0.8, 0.8, 0.8)))
    assert decision.verdict == "inconclusive"
    assert "ε above 0.3, where nothing was measured" in decision.reason


def test_budgets_below_the_grid_start_at_clean_accuracy() -> None:
    decision = ANY.decide(curves((0.9, 0.5, 0.4, 0.4), (0.9, 0.5, 0.4, 0.4), (0.9, 0.1, 0.1, 0.1)))
    assert "fits ε from 0 to 0.1" in decision.reason
    below = ANY.decide(curves((0.5, 0.4, 0.4, 0.4), (0.5, 0.4, 0.4, 0.4), (0.9, 0.1, 0.1, 0.1)))
    assert below.verdict == "refuted"  # even clean accuracy is lower than the paper's under attack


def test_other_orders_of_the_values_are_counted() -> None:
    sharp = ANY.decide(curves(*FITS))
    assert "0 of 5 other orders of these values would fit" in sharp.reason
    flat = tuple((0.9, 0.5, 0.3, 0.1) for _ in "abc")
    blunt = ANY.decide(curves(*flat, error=0.15))
    assert "5 of 5 other orders" in blunt.reason
    assert blunt.verdict == "inconclusive"


def test_a_second_open_setting_keeps_it_from_being_refuted() -> None:
    assert ANY.decide(curves(*NEVER, open_settings={"fgsm": ("epsilon",)})).verdict == "refuted"
    decision = ANY.decide(curves(*NEVER, open_settings={"fgsm": ("epsilon", "steps")}))
    assert decision.verdict == "invalid"
    assert "leaves steps open, too" in decision.reason


def test_a_weak_attack_opens_the_side_below() -> None:
    weak = Estimate(0.8, 0.78, 0.82, n_seeds=3, may_be_lower=True)
    clean = Estimate(0.9, 0.88, 0.92, n_seeds=3)
    row = some_epsilon("fgsm", (0.1,), [Column("a", 0.5, clean, (weak,))], 0.1)
    assert row.verdict == "invalid"
    higher = some_epsilon("fgsm", (0.1,), [Column("a", 0.97, clean, (weak,))], 0.1)
    assert higher.verdict == "refuted"


def test_nothing_fits_a_void_measurement() -> None:
    void = Estimate(0.8, 0.78, 0.82, n_seeds=3, is_void=True)
    row = some_epsilon("fgsm", (0.1,), [Column("a", 0.8, void, (void,))], 0.1)
    assert row.verdict == "invalid"


@pytest.mark.parametrize(
    ("table", "fields", "message"),
    [
        (ROW, {"attack": ["fgsm", "clean"]}, "row 'clean' has none"),
        (ROW.model_copy(update={"epsilon": 0.1}), {"attack": "fgsm"}, "states epsilon 0.1"),
        (ROW.model_copy(update={"metric": "norm_quantile"}), {"attack": "fgsm"}, "needs accuracies under attack"),
    ],
)
def test_senseless_searches_for_an_epsilon_are_refused(
    table: ReportedTable, fields: dict[str, object], message: str
) -> None:
    part = make("reported", table="t", epsilon="any", **fields)
    assert isinstance(part, Reported)
    with pytest.raises(PartError, match=message):
        part.cells({"t": table})


def test_every_budget_of_the_grid_is_measured() -> None:
    assert {cell.epsilon for cell in ANY.cells({"t": ROW})} == {"every"}


def test_budgeted_values_must_fit_with_the_battery_too() -> None:
    part = make("reported", table="t", model="a", attack="fgsm")

    class Checked(KnownEstimator):
        gap = 0.0
        unchecked = (False, False)

        def predict(self, *args: object, **options: object) -> Estimate:
            found = super().predict(*args, **options)  # type: ignore[arg-type]
            return found._replace(worst_low=found.low - self.gap, gap=self.gap, is_unchecked=self.unchecked)

    estimator = Checked({"a": Known(0.60, 0.02)}, tables={"t": ROW})
    assert part.decide(estimator).verdict == "supported"
    estimator.gap = 0.05  # 60 % is more than 60 − 5 + 3.9
    assert part.decide(estimator).verdict == "invalid"
    estimator.gap, estimator.unchecked = 0.0, (True, False)
    assert part.decide(estimator).verdict == "inconclusive"


def test_another_attacks_grid_may_be_searched() -> None:
    part = make("reported", table="t", attack="fgsm", epsilon="any", grid_of="fgsm-sweep")
    assert {cell.attack for cell in part.cells({"t": ROW})} == {("fgsm-sweep",)}
    assert part.decide(curves(*FITS)).verdict == "supported"
    for fields, message in (({}, "goes with"), ({"epsilon": "any", "attack": None}, "stands for one row")):
        with pytest.raises(ValidationError, match=message):
            make("reported", **{"table": "t", "attack": "fgsm", "grid_of": "fgsm-sweep", **fields})
