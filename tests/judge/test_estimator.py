from __future__ import annotations

import math

import numpy as np
import pytest

from qaml.claims.base import Cell, Estimate, ReportedTable, Term
from qaml.errors import RunError
from qaml.judge.estimator import SourceEstimator
from qaml.judge.judge import judge
from qaml.judge.resolve import Resolver
from qaml.judge.source import Detections
from qaml.judge.statistics.wilson import wilson
from qaml.judge.weakness import Effect
from qaml.metrics.evidence import Attacked, Clean
from tests.judge.sources import ArraySource, add, claim, correlated, entry, firsts, nothing_more


def estimator(source: ArraySource, effect: Effect | None = None) -> SourceEstimator:
    return SourceEstimator(Resolver(source), lambda _: effect or Effect(), source.tables, True)


def one(source: ArraySource, **fields: object) -> Estimate:
    return estimator(source).contrast((Term(Cell.model_validate({"model": "m", **fields}), 1.0),))


@pytest.fixture
def source() -> ArraySource:
    """Falls from 90 through 80 and 50 to 20 of 100 images, in one seed."""
    made = ArraySource()
    rows = [firsts(100, n_right) for n_right in (80, 50, 20)]
    add(made, "m", firsts(100, 90), {"pgd": rows}, (0.1, 0.2, 0.3))
    return made


def test_one_seed_is_wilson(source: ArraySource) -> None:
    found = one(source, metric="robust_accuracy", attack=("pgd",), epsilon=0.2)
    assert found.value == 0.5
    assert (found.low, found.high) == pytest.approx(tuple(wilson(0.5, 100)))
    assert (found.n_seeds, found.n_images) == (1, 100)
    assert "this trained model" in found.method


def test_default_budget_is_the_largest(source: ArraySource) -> None:
    assert one(source, metric="accuracy_under_attack", attack=("pgd",)).value == pytest.approx(0.2)


def test_aggregates_over_budgets(source: ArraySource) -> None:
    for aggregate, value in (("min", 0.2), ("max", 0.8)):
        found = one(source, metric="robust_accuracy", attack=("pgd",), epsilon="every", aggregate=aggregate)
        assert found.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metric": "robust_accuracy", "attack": ("pgd",), "epsilon": 0.25}, "was not run at this budget"),
        ({"metric": "robust_accuracy", "attack": ("pgd",), "epsilon": "every"}, "every budget is several numbers"),
        ({"metric": "norm_quantile", "attack": ("pgd",)}, "smallest perturbation"),
        ({"metric": "certified_accuracy", "attack": ("pgd",), "epsilon": 0.1}, "needs an attack of kind 'exact_l2'"),
        ({"metric": "certified_accuracy", "epsilon": 0.1}, "needs an attack"),
        ({"metric": "low_frequency_share", "attack": ("pgd",)}, "needs images"),
        ({"metric": "shots_needed"}, "quantum circuit"),
        ({"metric": "robust_accuracy"}, "needs an attack"),
        ({"metric": "training_loss"}, "kept no curve"),
    ],
)
def test_missing_evidence_is_explained(source: ArraySource, fields: dict[str, object], message: str) -> None:
    source.histories["m"] = ({"accuracy": [1.0]},)
    with pytest.raises(RunError, match=message):
        one(source, **fields)


def test_epsilon_at_is_interpolated_with_an_interval_from_the_curve(source: ArraySource) -> None:
    found = one(source, metric="epsilon_at", attack=("pgd",), level=0.65)
    assert found.value == pytest.approx(0.15)
    # of 100 images 73.7 % and 55.3 % have 65 % as Wilson's limit: ε of 0.121 and 0.182. Between two budgets the
    # interpolated share varies a little less than a proportion, so the interval lies just inside
    assert 0.121 <= found.low <= 0.128
    assert 0.174 <= found.high <= 0.182
    assert one(source, metric="epsilon_at", attack=("pgd",), level=0.1).value == math.inf
    assert one(source, metric="epsilon_at", attack=("pgd",), level=0.95).value == 0.0


def test_robust_accuracy_cannot_rise_with_the_budget(source: ArraySource) -> None:
    """The images that a larger budget costs are a share: Wilson's interval, never below zero."""
    add(source, "k", firsts(100, 90), {"pgd": [firsts(100, 10)] * 3}, (0.1, 0.2, 0.3))

    def lost(model: str, later: float) -> Estimate:
        terms = (Term(robust(model, later), -1.0), Term(robust(model, 0.1), 1.0))
        found = estimator(source).contrast(terms, against=(-0.02,))
        assert found == estimator(source).contrast(terms[::-1], against=(-0.02,))
        return found

    found = lost("m", 0.3)
    assert found.value == pytest.approx(0.6)
    assert (found.low, found.high) == pytest.approx(tuple(wilson(0.6, 100)))
    found = lost("k", 0.2)
    assert (found.value, found.low, found.high) == pytest.approx((0.0, 0.0, wilson(0.0, 100).high))
    assert found.p_value < 1e-9
    clean = Term(Cell(model="m", metric="clean_accuracy"), 1.0)
    assert estimator(source).contrast((clean, Term(robust("m", 0.1), -1.0))).low == pytest.approx(wilson(0.1, 100).low)


def test_only_nested_cells_are_nested(source: ArraySource) -> None:
    """The other order, more attacks at the smaller budget, raw accuracy: ordinary differences."""
    add(source, "m", firsts(100, 90), {"fgsm": [firsts(100, n) for n in (85, 60, 40)]}, (0.1, 0.2, 0.3))
    small, large = robust("m", 0.1), robust("m", 0.3)
    both = small.model_copy(update={"attack": ("pgd", "fgsm")})
    raw = [cell.model_copy(update={"metric": "accuracy_under_attack"}) for cell in (small, large)]
    for first, second in ((large, small), (both, large), tuple(raw)):
        assert "Tango" in estimator(source).contrast((Term(first, 1.0), Term(second, -1.0))).method


def robust(model: str, epsilon: float) -> Cell:
    return Cell(model=model, attack=("pgd",), metric="robust_accuracy", epsilon=epsilon)


def test_no_interval_leaves_what_shares_can_be() -> None:
    made = ArraySource()
    rows = np.stack([firsts(100, n)[0] for n in (0, 40)])
    add(made, "m", rows, {})
    add(made, "k", rows[::-1], {})
    cells = [Cell(model=model, metric="clean_accuracy") for model in "mk"]
    found = estimator(made).contrast((Term(cells[0], 1.0), Term(cells[1], -1.0)))
    assert (found.low, found.high) == (-1.0, 1.0)


def test_a_curve_that_never_crosses_says_no_more_than_its_last_budget(source: ArraySource) -> None:
    """At 10 % the curve is not down yet at ε = 0.3: 'at least 0.3' is known, 'at least 1' is not."""
    source.diagnoses["m", "pgd"] = nothing_more(100, 0.3)
    part = claim("bound", metric="epsilon_at", of={"model": "m", "attack": "pgd", "level": 0.1}, at_least=0.3)
    assert judge(entry(part), source).verdict == "supported"
    assert judge(entry(part.model_copy(update={"at_least": 0.31})), source).verdict == "inconclusive"


def test_crossings_are_ordered_and_refuted_too() -> None:
    made = with_norms(np.arange(1.0, 101.0)[None], 1)
    made.cleans["k"] = made.cleans["m"]
    made.attacks["k", "deepfool"] = with_norms(np.arange(101.0, 201.0)[None], 1).attacks["m", "deepfool"]
    order = [{"model": model, "attack": "deepfool"} for model in "mk"]
    found = judge(entry(claim("ordering", metric="norm_quantile", order=order)), made)
    assert found.verdict == "refuted"
    assert judge(entry(claim("ordering", metric="norm_quantile", order=order[::-1])), made).verdict == "supported"


def test_a_papers_crossing_may_come_from_another_run() -> None:
    """Five runs with medians from 40 to 60: a sixth may have 33, though the interval of their mean excludes it."""
    norms = np.arange(1.0, 1001.0)[None] / 10 + np.arange(-10.0, 11.0, 5.0)[:, None]
    made = with_norms(norms, 5)
    assert one(made, metric="norm_quantile", attack=("deepfool",)).low > 36
    table = ReportedTable(metric="norm_quantile", columns=("m",), rows={"deepfool": (33.0,)})
    made.tables["t"] = table
    wide = judge(entry(claim("reported", table="t")), made, made.tables)
    assert wide.verdict == "inconclusive", wide.reason
    assert "one run of this training is not reproducible to 6.6" in wide.reason
    found = judge(entry(claim("reported", table="t", half_width=0.8)), made, made.tables)
    assert found.verdict == "supported", found.reason


def with_norms(norms: np.ndarray, n_seeds: int) -> ArraySource:
    n = norms.shape[-1]
    made = ArraySource()
    made.cleans["m"] = Clean(np.ones((n_seeds, n), dtype=np.float32), np.arange(n))
    correct = np.zeros((n_seeds, 1, n), dtype=np.float32)
    made.attacks["m", "deepfool"] = Attacked(correct, (math.inf,), np.arange(n), norms=norms)
    return made


def test_quantile_has_the_order_statistics_interval() -> None:
    # 100 norms 1 … 100: the median's 95 % interval by order statistics is the 40th to the 61st or tighter
    made = with_norms(np.arange(1.0, 101.0)[None], 1)
    found = one(made, metric="norm_quantile", attack=("deepfool",))
    assert found.value == 50
    assert 40 <= found.low <= 41
    assert 59 <= found.high <= 61


def test_quantile_of_failures_is_infinite() -> None:
    norms = np.arange(1.0, 101.0)[None]
    norms[0, 40:] = np.inf
    found = one(with_norms(norms, 1), metric="norm_quantile", attack=("deepfool",))
    assert found.value == math.inf
    assert found.high == math.inf
    assert found.low <= 40 or found.low == math.inf


def test_quantile_interval_covers() -> None:
    generator = np.random.default_rng(9)
    hits = 0
    for _ in range(300):
        scale = np.exp(0.1 * generator.standard_normal((3, 1)))
        norms = scale * np.exp(0.5 * generator.standard_normal((1, 150)) + 0.1 * generator.standard_normal((3, 150)))
        found = one(with_norms(norms, 3), metric="norm_quantile", attack=("deepfool",))
        hits += found.low <= 1.0 <= found.high
    assert hits / 300 >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / 300)


def test_difference_of_quantiles() -> None:
    made = with_norms(np.arange(1.0, 101.0)[None], 1)
    made.cleans["k"] = made.cleans["m"]
    made.attacks["k", "deepfool"] = with_norms(np.arange(11.0, 111.0)[None], 1).attacks["m", "deepfool"]
    cells = [Cell(model=model, attack=("deepfool",), metric="norm_quantile") for model in "km"]
    found = estimator(made).contrast((Term(cells[0], 1.0), Term(cells[1], -1.0)))
    assert found.value == 10
    assert 5 < found.low < 10 < found.high < 15  # every image is farther by ten: paired, that is hardly in doubt


def test_certified_accuracy_at_any_radius() -> None:
    made = with_norms(np.arange(1.0, 101.0)[None], 1)
    found = one(made, metric="certified_accuracy", attack=("deepfool",), epsilon=30.5)
    assert found.value == 0.7
    assert (found.low, found.high) == pytest.approx(tuple(wilson(0.7, 100)))
    with pytest.raises(RunError, match="no radius to certify"):
        one(made, metric="certified_accuracy", attack=("deepfool",))


def test_spectral_share_is_shown_in_points_and_weakened_by_nothing(source: ArraySource) -> None:
    shares = np.linspace(0.2, 0.6, 300).reshape(1, 3, 100).astype(np.float32)
    source.attacks["m", "pgd"] = source.attacks["m", "pgd"]._replace(low_frequency=shares)
    of = {"model": "m", "attack": "pgd", "epsilon": 0.2}
    found = judge(entry(claim("bound", metric="low_frequency_share", of=of, at_least=0.2)), source)
    assert (found.verdict, found.unit) == ("supported", "points")
    assert found.measured[0].estimate.value == pytest.approx(0.4)


def test_shots_are_plain_numbers_with_the_interval_of_a_quantile(source: ArraySource) -> None:
    shots = 10 * np.arange(1.0, 101.0)[None]
    source.cleans["m"] = source.cleans["m"]._replace(shots=shots)
    found = judge(entry(claim("bound", metric="shots_needed", of={"model": "m"}, at_most=700)), source)
    assert (found.verdict, found.unit) == ("supported", "plain")
    estimate = found.measured[0].estimate
    assert estimate.value == 500
    assert 400 <= estimate.low < estimate.high <= 620


def test_training_loss_is_students_over_seeds() -> None:
    made = ArraySource(histories={"m": tuple({"loss": [9.0, value]} for value in (1.0, 2.0, 3.0))})
    found = one(made, metric="training_loss")
    assert (found.value, found.n_seeds, found.n_images) == (2.0, 3, 0)
    assert found.high - found.value == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)


def test_weights_and_same_model_terms_share_their_seeds() -> None:
    generator = np.random.default_rng(12)
    made = ArraySource()
    clean = correlated(generator, np.array([0.99, 0.6, 0.8]), generator.standard_normal(300), 0.9)
    drop = clean * (generator.random((1, 300)) < 0.9)
    add(made, "m", clean, {"pgd": [drop.astype(np.float32)]})
    cells = (
        Term(Cell(model="m", metric="clean_accuracy"), 1.0),
        Term(Cell(model="m", attack=("pgd",), metric="accuracy_under_attack"), -1.0),
    )
    found = estimator(made).contrast(cells)
    assert found.value == pytest.approx(float((clean - drop).mean()), abs=1e-6)
    # the seeds' accuracies vary by 20 points, their drops hardly
    assert found.high - found.low < 0.15
    assert len(found.per_seed) == 3


class SharedSource(ArraySource):
    """Every model is the same trained weights."""

    def weights_of(self, model: str) -> str:
        return "weights" if model else model


def test_models_that_share_trained_weights_share_their_seeds() -> None:
    generator = np.random.default_rng(12)
    clean = correlated(generator, np.array([0.99, 0.6, 0.8]), generator.standard_normal(300), 0.9)
    noisy = (clean * (generator.random((1, 300)) < 0.9)).astype(np.float32)
    widths = {}
    for made in (ArraySource(), SharedSource()):
        add(made, "quiet", clean, {})
        add(made, "noisy", noisy, {})
        found = estimator(made).contrast(
            (
                Term(Cell(model="quiet", metric="clean_accuracy"), 1.0),
                Term(Cell(model="noisy", metric="clean_accuracy"), -1.0),
            )
        )
        assert found.value == pytest.approx(float((clean - noisy).mean()), abs=1e-6)
        widths[type(made)] = found.high - found.low
    assert widths[SharedSource] < 0.15 < widths[ArraySource]


def test_models_without_common_seed_numbers() -> None:
    made = ArraySource()
    generator = np.random.default_rng(13)
    difficulty = generator.standard_normal(200)
    add(made, "m", correlated(generator, np.full(5, 0.8), difficulty, 0.8), {})
    add(made, "k", correlated(generator, np.full(3, 0.7), difficulty, 0.8), {})
    terms = tuple(Term(Cell(model=model, metric="clean_accuracy"), w) for model, w in (("m", 1.0), ("k", -1.0)))
    found = estimator(made).contrast(terms)
    assert found.n_seeds == len(found.per_seed) == 3
    assert found.value == pytest.approx(made.cleans["m"].correct.mean() - made.cleans["k"].correct.mean(), abs=1e-6)
    assert "Welch" in found.method


def test_effects_turn_around_with_the_sign(source: ArraySource) -> None:
    cell = Cell(model="m", attack=("pgd",), metric="robust_accuracy")
    found = estimator(source, Effect(may_be_lower=True)).contrast((Term(cell, -1.0),))
    assert (found.may_be_lower, found.may_be_higher) == (False, True)


def test_no_clean_correct_image_is_invalid(source: ArraySource) -> None:
    add(source, "m", firsts(100, 0), {"pgd": [firsts(100, 0)]})
    part = claim("bound", metric="retained", of={"model": "m", "attack": "pgd"}, at_least=0.1)
    assert judge(entry(part), source).verdict == "invalid"


def test_detection_through_the_judge() -> None:
    made = ArraySource(detected={"disagreement": Detections(firsts(400, 390, 3), firsts(400, 4, 3))})
    part = claim("detection", detector="disagreement", true_positives_at_least=0.9, false_positives_at_most=0.05)
    found = judge(entry(part), made)
    assert found.verdict == "supported"
    assert sorted(m.estimate.value for m in found.measured) == pytest.approx([0.01, 0.975])


def test_parameter_through_the_judge() -> None:
    made = ArraySource(parameters={("m", "bias"): ((1.0, 2.0), (1.1, 2.1), (0.9, 1.9))})
    part = claim("parameter", model="m", name="bias", at_least=1.0)
    found = judge(entry(part), made)
    assert (found.verdict, found.unit, found.cells) == ("supported", "plain", ())


def test_reported_through_the_judge(source: ArraySource) -> None:
    table = ReportedTable(
        metric="accuracy_under_attack", epsilon=0.1, columns=("m",), rows={"pgd": (0.6,), "clean": (0.9,)}
    )
    add(source, "m", firsts(100, 90, 3), {"pgd": [firsts(100, 80, 3)]})
    source.tables["t"] = table
    found = judge(entry(claim("reported", table="t")), source, source.tables)
    assert found.verdict == "refuted"
    assert "1 of 2 values inside" in found.reason
    assert [(cell.metric, cell.paper) for cell in found.cells] == [
        ("accuracy_under_attack", 0.6),
        ("clean_accuracy", 0.9),
    ]
    assert judge(entry(claim("reported", table="t")), source, source.tables, "quick").verdict == "inconclusive"
