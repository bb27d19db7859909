from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.metrics.accuracy import (
    Threat,
    accuracy_under_attack,
    attack_success_rate,
    certified_accuracy,
    clean_accuracy,
    retained,
    robust_accuracy,
)
from qaml.metrics.contributions import align, ratio
from qaml.metrics.crossing import common_grid, epsilon_at, norm_quantile, shots_quantile
from qaml.metrics.evidence import Attacked, Clean
from qaml.metrics.loss import training_loss
from qaml.metrics.worst_case import Candidate, worst_case

IMAGES = np.arange(4)
CLEAN = Clean(np.array([[1, 1, 1, 0]], dtype=np.float32), IMAGES)
FGSM = Attacked(np.array([[[1, 1, 0, 1], [0, 1, 1, 0]]], dtype=np.float32), (0.1, 0.2), IMAGES)
PGD = Attacked(np.array([[[1, 0, 1, 0], [1, 0, 0, 0]]], dtype=np.float32), (0.1, 0.2), IMAGES)
DEEPFOOL = Attacked(
    np.array([[[1, 0, 1, 0]]], dtype=np.float32), (0.5,), IMAGES, norms=np.array([[0.8, 0.1, np.inf, 0.0]])
)


def test_clean_accuracy() -> None:
    assert clean_accuracy(CLEAN).per_seed.tolist() == [0.75]


def test_accuracy_under_attack_is_raw() -> None:
    # the image that is wrong when clean and right when attacked counts
    assert accuracy_under_attack(FGSM, 0.1).values.tolist() == [[1, 1, 0, 1]]
    assert accuracy_under_attack(FGSM, 0.2).values.tolist() == [[0, 1, 1, 0]]


def test_robust_accuracy_counts_clean_every_attack_and_every_smaller_budget() -> None:
    assert robust_accuracy(CLEAN, [Threat(FGSM, 0.1)]).values.tolist() == [[1, 1, 0, 0]]
    assert robust_accuracy(CLEAN, [Threat(FGSM, 0.2)]).values.tolist() == [[0, 1, 0, 0]]
    assert robust_accuracy(CLEAN, [Threat(FGSM, 0.1), Threat(PGD, 0.1)]).values.tolist() == [[1, 0, 0, 0]]


def test_minimisation_attack_fools_from_its_norm_on() -> None:
    assert robust_accuracy(CLEAN, [Threat(DEEPFOOL, 0.05)]).values.tolist() == [[1, 1, 1, 0]]
    assert robust_accuracy(CLEAN, [Threat(DEEPFOOL, 0.5)]).values.tolist() == [[1, 0, 1, 0]]
    assert accuracy_under_attack(DEEPFOOL, 0.05, CLEAN).values.tolist() == [[1, 1, 1, 0]]


def test_unmeasured_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="not on the attack's grid"):
        accuracy_under_attack(FGSM, 0.15)


def test_images_are_paired_by_index() -> None:
    shuffled = Attacked(FGSM.correct[:, :, [3, 1]], FGSM.epsilons, np.array([3, 1]))
    found = robust_accuracy(CLEAN, [Threat(shuffled, 0.1)])
    assert found.indices.tolist() == [1, 3]
    assert found.values.tolist() == [[1, 0]]


def test_no_common_image_is_refused() -> None:
    with pytest.raises(ValueError, match="no image in common"):
        align([(np.zeros((1, 1)), np.array([1])), (np.zeros((1, 1)), np.array([2]))])


def test_attack_success_rate_is_among_the_clean_correct() -> None:
    found = attack_success_rate(CLEAN, FGSM, 0.1)
    assert found.per_seed[0] == pytest.approx(1 / 3)
    assert found.n_base == pytest.approx(3)


def test_retained_is_robust_over_clean() -> None:
    assert retained(CLEAN, [Threat(FGSM, 0.1)]).per_seed[0] == pytest.approx(2 / 3)


@given(st.integers(0, 2**32 - 1))
def test_linearised_ratio_has_the_ratio_as_mean_and_its_spread(seed: int) -> None:
    generator = np.random.default_rng(seed)
    denominator = (generator.random((2, 4000)) < 0.8).astype(float)
    numerator = denominator * (generator.random((2, 4000)) < 0.3)
    found = ratio(numerator, denominator, np.arange(4000))
    share = numerator.sum(axis=1) / denominator.sum(axis=1)
    np.testing.assert_allclose(found.per_seed, share)
    # among m kept images the binomial variance is p(1−p)/m
    np.testing.assert_allclose(
        found.values.var(axis=1) / 4000, share * (1 - share) / denominator.sum(axis=1), rtol=1e-9
    )


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 4]))
def test_worst_case_falls_with_more_attacks(seed: int, n_attacks: int) -> None:
    generator = np.random.default_rng(seed)
    rows = (generator.random((n_attacks + 1, 2, 50)) < 0.7).astype(np.float64)
    fewer = worst_case([Candidate(row, 1) for row in rows[:-1]])
    more = worst_case([Candidate(row, 1) for row in rows])
    assert (more <= fewer).all()


def test_worst_of_equal_random_candidates_is_not_biased() -> None:
    # twenty candidates, each right in half of the draws: the plain minimum of shares would be far below a half
    generator = np.random.default_rng(11)
    candidates = [Candidate(generator.binomial(8, 0.5, (1, 4000)) / 8, 8) for _ in range(20)]
    plain = np.min([c.correct for c in candidates], axis=0).mean()
    fair = worst_case(candidates).mean()
    assert plain < 0.25
    assert fair == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(4000 * 4))


def test_worst_random_candidate_is_found() -> None:
    weak, strong = Candidate(np.full((1, 10), 0.875), 8), Candidate(np.full((1, 10), 0.0), 8)
    assert worst_case([weak, strong]).tolist() == [[0.0] * 10]
    assert worst_case([strong, weak]).tolist() == [[0.0] * 10]


def test_norm_quantile_counts_wrong_as_zero_and_failures_as_infinite() -> None:
    falling = norm_quantile(CLEAN, [DEEPFOOL], 0.5)
    assert falling.positions.tolist() == [0.0, 0.1, 0.8]
    assert falling.at(0.0).values.tolist() == [[1, 1, 1, 0]]
    assert falling.at(0.1).values.tolist() == [[1, 0, 1, 0]]
    with pytest.raises(ValueError, match="smallest perturbation"):
        norm_quantile(CLEAN, [FGSM], 0.5)


def test_certified_accuracy_is_clean_correct_and_farther_than_epsilon() -> None:
    exact = DEEPFOOL._replace(epsilons=(np.inf,), norms=np.array([[0.8, 0.1, np.inf, 0.0]]))
    assert certified_accuracy(CLEAN, exact, 0.05).values.tolist() == [[1, 1, 1, 0]]
    assert certified_accuracy(CLEAN, exact, 0.1).values.tolist() == [[1, 0, 1, 0]]
    assert certified_accuracy(CLEAN, exact, 1e9).values.tolist() == [[0, 0, 1, 0]]
    # a distance to the other answer is no certificate where the answer is wrong
    far = exact._replace(norms=np.full((1, 4), 5.0))
    assert certified_accuracy(CLEAN, far, 1.0).values.tolist() == CLEAN.correct.tolist()
    with pytest.raises(ValueError, match="exact_l2"):
        certified_accuracy(CLEAN, FGSM, 0.1)


@given(st.integers(0, 2**32 - 1), st.floats(0, 2))
def test_certified_accuracy_is_at_most_robust_accuracy_under_the_same_norms(seed: int, epsilon: float) -> None:
    generator = np.random.default_rng(seed)
    clean = Clean((generator.random((2, 30)) < 0.8).astype(np.float32), np.arange(30))
    norms = np.where(clean.correct > 0, generator.exponential(size=(2, 30)), 0.0)
    exact = Attacked(np.zeros((2, 1, 30), dtype=np.float32), (np.inf,), np.arange(30), norms=norms)
    certified = certified_accuracy(clean, exact, epsilon).values
    assert (certified <= robust_accuracy(clean, [Threat(exact, epsilon)]).values).all()


def test_shots_are_a_quantile_over_all_images_right_or_wrong() -> None:
    clean = CLEAN._replace(shots=np.array([[10.0, 400.0, np.inf, 20.0]]))
    falling = shots_quantile(clean, 0.75)
    assert falling.positions.tolist() == [10, 20, 400]
    assert falling.level == 0.25
    assert falling.at(20).values.tolist() == [[0, 1, 1, 0]]
    attacked = FGSM._replace(shots=np.array([[[1.0, 2, 3, 4], [5, 6, 7, 8]]]))
    assert shots_quantile(attacked, 0.5, 0.1).positions.tolist() == [1, 2, 3, 4]
    assert shots_quantile(attacked, 0.5).positions.tolist() == [5, 6, 7, 8]
    with pytest.raises(ValueError, match="quantum circuit"):
        shots_quantile(CLEAN, 0.5)
    with pytest.raises(ValueError, match="not on the attack's grid"):
        shots_quantile(attacked, 0.5, 0.15)


def test_epsilon_at_starts_clean_and_interpolates() -> None:
    falling = epsilon_at(CLEAN, [FGSM], 0.4)
    assert falling.positions.tolist() == [0.0, 0.1, 0.2]
    shares = [falling.at(e).values.mean() for e in (0.0, 0.05, 0.1, 0.15, 0.2)]
    assert shares == pytest.approx([0.75, 0.625, 0.5, 0.375, 0.25])


def test_common_grid() -> None:
    assert common_grid([FGSM, PGD]) == (0.1, 0.2)
    assert common_grid([FGSM, DEEPFOOL]) == ()


def test_training_loss_is_the_last_one() -> None:
    assert training_loss([{"loss": [3.0, 1.5]}, {"loss": [2.0]}]) == (1.5, 2.0)
    with pytest.raises(ValueError, match="loss"):
        training_loss([{"accuracy": [1.0]}])
