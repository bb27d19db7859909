"""What detectors flag, on evidence made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.attacks.base import AttackPart
from qaml.attacks.gradient.part import FGSM, PGD
from qaml.attacks.joint.part import Joint
from qaml.attacks.transfer import Transfer
from qaml.claims.detectors.base import Answers
from qaml.claims.detectors.disagreement import Disagreement
from qaml.errors import RunError
from qaml.judge.detections import Predictions, detect
from qaml.judge.roc import among_fooling
from qaml.judge.source import Detections

ATTACKS: Mapping[str, AttackPart] = {
    "pgd": PGD(epsilon=(0.0, 0.1, 0.2)),
    "fgsm": FGSM(epsilon=(0.1,)),
    "pgd@a": Transfer(surrogate="a", attack="pgd"),
    "fgsm@a": Transfer(surrogate="a", attack="fgsm"),
    "both": Joint(surrogates=("a", "b"), attack="pgd"),
}
Evidence = Mapping[tuple[str, ...], list[dict[str, Any]]]
N = 400


def run(answers: list[list[int]], *, confidence: float = 0.9, epsilons: tuple[float, ...] = (0.0,)) -> dict[str, Any]:
    """One training run's ``predictions.npz``: a row of answers a budget, repeated over the images; all labels are 0."""
    predicted = np.stack([np.resize(row, N) for row in answers])
    return {
        "predicted": predicted,
        "confidence": np.full(predicted.shape, confidence, dtype=np.float32),
        "labels": np.zeros(N, dtype=np.int64),
        "indices": np.arange(N) * 3,
        "epsilons": np.asarray(epsilons),
    }


def found(evidence: Evidence, attacks: tuple[str, ...], **fields: Any) -> Detections:
    part = Disagreement(models=("a", "b"), attacks=attacks, **fields)
    read = Predictions(lambda model: evidence[model,], lambda model, attack: evidence[model, attack])
    return detect(part, ATTACKS, read)


CLEAN: Evidence = {("a",): [run([[0]])], ("b",): [run([[0] * 9 + [1]])]}
GRID = (0.0, 0.1, 0.2)
# made on a: a falls at both budgets, b at the larger one, for the same answer; at a budget of 0 nothing happens
PGD_ON_A: Evidence = {
    ("a", "pgd"): [run([[0], [1], [1]], epsilons=GRID)],
    ("b", "pgd@a"): [run([[0], [0], [1]], epsilons=GRID)],
}
FGSM_ON_A: Evidence = {
    ("a", "fgsm"): [run([[1]], epsilons=(0.1,))],
    ("b", "fgsm@a"): [run([[2]], epsilons=(0.1,))],
}


def test_disagreement_is_flagged_and_every_budget_is_drawn_as_often() -> None:
    flags = found({**CLEAN, **PGD_ON_A}, ("pgd",), attacked="a")
    assert flags.clean.mean() == pytest.approx(0.1)
    assert flags.adversarial.shape == (1, N)
    # half of the images at 0.1, where a and b differ: binomial, 4 standard errors
    assert flags.adversarial.mean() == pytest.approx(0.5, abs=4 * 0.5 / N**0.5)
    assert flags.fooling is not None
    assert flags.fooling.all()


def test_attacks_and_budgets_are_drawn_together() -> None:
    flags = found({**CLEAN, **PGD_ON_A, **FGSM_ON_A}, ("pgd", "fgsm"), attacked="a")
    assert flags.adversarial.mean() == pytest.approx(2 / 3, abs=4 * (2 / 9 / N) ** 0.5)


def test_the_mixture_is_the_same_each_time_and_another_for_another_seed() -> None:
    evidence = {key: runs * 2 for key, runs in {**CLEAN, **PGD_ON_A}.items()}
    one, two = (found(evidence, ("pgd",), attacked="a") for _ in range(2))
    np.testing.assert_array_equal(one.adversarial, two.adversarial)
    assert one.adversarial.shape == (2, N)
    assert (one.adversarial[0] != one.adversarial[1]).any()


def test_as_many_seeds_as_the_model_with_the_fewest() -> None:
    evidence = {**CLEAN, **PGD_ON_A}
    flags = found(
        evidence | {("b",): CLEAN["b",] * 3, ("b", "pgd@a"): PGD_ON_A["b", "pgd@a"] * 3}, ("pgd",), attacked="a"
    )
    assert flags.clean.shape == (1, N)


def test_only_sure_answers_count_above_a_confidence() -> None:
    unsure: Evidence = {("b", "pgd@a"): [run([[0], [0], [1]], confidence=0.3, epsilons=GRID)]}
    evidence = {**CLEAN, **PGD_ON_A, **unsure}
    assert found(evidence, ("pgd",), attacked="a", confidence=0.31).adversarial.sum() == 0
    assert found(evidence, ("pgd",), attacked="a", confidence=0.29).adversarial.sum() > 0
    assert found(evidence, ("pgd",), attacked="a", confidence=0.31).clean.mean() == pytest.approx(0.1)


def test_images_are_matched_by_index() -> None:
    order = np.random.default_rng(0).permutation(N)[: N // 2]
    some = {
        name: value[..., order] if name in ("predicted", "confidence", "labels", "indices") else value
        for name, value in PGD_ON_A["b", "pgd@a"][0].items()
    }
    for runs in ([some], PGD_ON_A["b", "pgd@a"]):
        flags = found({**CLEAN, **PGD_ON_A, ("b", "pgd@a"): runs}, ("pgd",), attacked="a", images=100)
        assert flags.adversarial.shape == flags.clean.shape == (1, 100)
    half = found({**CLEAN, **PGD_ON_A, ("b", "pgd@a"): [some]}, ("pgd",), attacked="a")
    kept = np.sort(order)
    np.testing.assert_array_equal(half.clean[0], (kept % 10 == 9).astype(np.float32))


def test_who_is_fooled_by_a_joint_attack_must_be_fooled_in_all_models() -> None:
    joint: Evidence = {
        ("a", "both"): [run([[0, 0], [1, 1], [1, 1]], epsilons=GRID)],
        ("b", "both"): [run([[0, 0], [1, 0], [1, 0]], epsilons=GRID)],
    }
    flags = found({**CLEAN, **joint}, ("both",))
    assert flags.fooling is not None
    expected = (np.arange(N) % 2 == 0) & (np.arange(N) % 10 != 9)
    np.testing.assert_array_equal(flags.fooling[0], expected)
    assert among_fooling("pair", flags) == (
        "pair: 0.0 % detected of the 200 of 400 adversarials (all seeds) that fool every model they were made on"
    )


def test_nobody_fooled() -> None:
    harmless: Evidence = {
        ("a", "fgsm"): [run([[0]], epsilons=(0.1,))],
        ("b", "fgsm@a"): [run([[0]], epsilons=(0.1,))],
    }
    flags = found({**CLEAN, **harmless}, ("fgsm",), attacked="a")
    assert among_fooling("pair", flags) == "pair: no adversarial fools the model that it was made on"


def test_a_budget_of_zero_alone_attacks_nothing() -> None:
    still: Evidence = {key: [run([[0]])] for key in (("a", "fgsm"), ("b", "fgsm@a"))}
    with pytest.raises(RunError, match="the detector's attacks have no budget above 0"):
        found({**CLEAN, **still}, ("fgsm",), attacked="a")


def test_no_image_in_common() -> None:
    elsewhere = dict(CLEAN["b",][0], indices=np.arange(N) * 3 + 1)
    with pytest.raises(RunError, match="saw no image in common"):
        found({**CLEAN, **PGD_ON_A, ("b",): [elsewhere]}, ("pgd",), attacked="a")


@given(st.integers(0, 2**32 - 1), st.sampled_from((0.0, 0.35, 0.8)))
def test_the_curve_falls_from_everything_to_nothing_through_the_detectors_own_rates(
    seed: int, confidence: float
) -> None:
    generator = np.random.default_rng(seed)

    def random_run(epsilons: tuple[float, ...]) -> dict[str, Any]:
        made = run([[0]] * len(epsilons), epsilons=epsilons)
        shape = made["predicted"].shape
        made["predicted"] = generator.integers(0, 3, shape)
        made["confidence"] = generator.uniform(0.34, 1, shape).astype(np.float32)
        return made

    clean: Evidence = {key: [random_run((0.0,))] for key in CLEAN}
    evidence: Evidence = {**clean, **{key: [random_run(GRID)] for key in PGD_ON_A}}
    flags = found(evidence, ("pgd",), attacked="a", confidence=confidence)
    for rates in (flags.true_positives, flags.false_positives):
        assert list(rates) == sorted(rates, reverse=True)
        assert (rates[0], rates[-1]) == (1.0, 0.0)
    assert list(flags.thresholds) == sorted(set(flags.thresholds))
    own = flags.thresholds.index(confidence)
    assert flags.true_positives[own] == pytest.approx(float(flags.adversarial.mean()))
    assert flags.false_positives[own] == pytest.approx(float(flags.clean.mean()))
    # the plain rule, image by image
    a, b = evidence["a",][0], evidence["b",][0]
    sure = (a["confidence"][0] >= confidence) & (b["confidence"][0] >= confidence)
    np.testing.assert_array_equal(flags.clean[0], ((a["predicted"][0] != b["predicted"][0]) & sure))


def test_suspicion_of_three_models() -> None:
    part = Disagreement(models=("a", "b", "c"), attacks=("both",))
    answers = Answers(np.array([[1, 1, 1], [1, 1, 2], [1, 2, 3]]), np.array([[0.9] * 3, [0.8] * 3, [0.5, 0.6, 0.95]]))
    np.testing.assert_allclose(part.suspicion(answers), [-0.5, 0.6, 0.8])
