"""Several classes: the nearest boundary, ties, certificates, and linear classifiers in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaml.errors import PartError
from qaml.quantum.distance.smallest import exact_l2, hyperplane_l2
from tests.quantum.distance.truth import logits, predicted, searched_distance, symmetric

drawn = settings(max_examples=20, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("d", [2, 3, 4])
def test_is_the_smallest_over_the_other_classes(d: int) -> None:
    rng = np.random.default_rng(d)
    observables, inputs = symmetric(rng, 4, d), rng.normal(size=(5, d))
    labels = predicted(observables, inputs)
    found = exact_l2(observables, inputs, labels)
    for row, (x, y) in enumerate(zip(inputs, labels, strict=True)):
        searched = [searched_distance(observables[y] - observables[j], x) if j != y else np.inf for j in range(4)]
        assert found.norms[row] == pytest.approx(min(searched), abs=1e-7)
        assert found.classes[row] == (int(np.argmin(searched)) if np.isfinite(min(searched)) else -1)


@drawn
@given(seed=seeds, d=st.integers(2, 8), classes=st.integers(2, 5))
def test_a_hair_beyond_flips_and_a_hair_before_does_not(seed: int, d: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    observables, inputs = symmetric(rng, classes, d), rng.normal(size=(12, d))
    labels = predicted(observables, inputs)
    found = exact_l2(observables, inputs, labels)
    rows = np.isfinite(found.norms)
    steps = (found.nearest - inputs)[rows]
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), found.norms[rows], atol=1e-10)
    np.testing.assert_allclose(found.dual[rows], found.norms[rows], atol=1e-9)
    assert (found.norms[rows] < np.linalg.norm(inputs[rows], axis=1)).all()
    np.testing.assert_array_equal(predicted(observables, inputs[rows] + (1 - 1e-6) * steps), labels[rows])
    beyond = logits(observables, inputs[rows] + (1 + 1e-6) * steps)
    every = np.arange(len(beyond))
    assert (beyond[every, found.classes[rows]] > beyond[every, labels[rows]]).all()
    np.testing.assert_array_equal(found.nearest[~rows], inputs[~rows])
    assert (found.classes[~rows] == -1).all()


@drawn
@given(seed=seeds)
def test_no_direction_beats_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    observables, inputs = symmetric(rng, 3, 5), rng.normal(size=(6, 5))
    labels = predicted(observables, inputs)
    found = exact_l2(observables, inputs, labels)
    steps = rng.normal(size=(500, 6, 5))
    steps *= np.minimum(found.norms, 1e3)[None, :, None] * (1 - 1e-9) / np.linalg.norm(steps, axis=2, keepdims=True)
    moved = (inputs[None] + steps).reshape(-1, 5)
    np.testing.assert_array_equal(predicted(observables, moved).reshape(500, 6), np.broadcast_to(labels, (500, 6)))


@drawn
@given(seed=seeds, shuffle=st.permutations(range(4)))
def test_classes_may_be_renamed(seed: int, shuffle: list[int]) -> None:
    rng = np.random.default_rng(seed)
    observables, inputs = symmetric(rng, 4, 5), rng.normal(size=(8, 5))
    labels = rng.integers(0, 4, 8)
    found = exact_l2(observables, inputs, labels)
    names = np.argsort(shuffle)
    renamed = exact_l2(observables[shuffle], inputs, names[labels])
    np.testing.assert_allclose(renamed.norms, found.norms, rtol=1e-9, atol=1e-12)
    expected = np.where(found.classes < 0, -1, names[found.classes])
    np.testing.assert_array_equal(renamed.classes, expected)


def test_an_input_of_another_class_is_no_distance_away_from_the_winner() -> None:
    rng = np.random.default_rng(3)
    observables, inputs = symmetric(rng, 5, 6), rng.normal(size=(60, 6))
    winners = predicted(observables, inputs)
    labels = (winners + 1 + np.arange(60) % 4) % 5
    found = exact_l2(observables, inputs, labels)
    np.testing.assert_array_equal(found.norms, 0)
    np.testing.assert_array_equal(found.dual, 0)
    np.testing.assert_array_equal(found.classes, winners)
    np.testing.assert_array_equal(found.nearest, inputs)


def test_the_zero_input_and_equal_observables_are_ties() -> None:
    observables = symmetric(np.random.default_rng(0), 3, 4)
    np.testing.assert_array_equal(exact_l2(observables, np.zeros((3, 4)), np.arange(3)).norms, 0)
    same = np.stack([observables[0]] * 2)
    np.testing.assert_array_equal(exact_l2(same, np.ones((2, 4)), np.arange(2)).norms, 0)


def test_a_class_that_always_wins_is_never_left() -> None:
    observables = np.stack([np.eye(3), np.diag([0.5, -1.0, 0.0])])
    found = exact_l2(observables, np.ones((1, 3)), np.array([0]))
    assert np.isinf(found.norms).all()
    assert found.classes.tolist() == [-1]


def test_any_common_observable_may_be_added_and_scaled() -> None:
    rng = np.random.default_rng(8)
    observables, inputs, shift = symmetric(rng, 3, 6), rng.normal(size=(9, 6)), symmetric(rng, 6)
    labels = rng.integers(0, 3, 9)
    moved = exact_l2(0.1 * (observables + shift), inputs, labels)
    np.testing.assert_allclose(moved.norms, exact_l2(observables, inputs, labels).norms, rtol=1e-8)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    observables, inputs, labels = symmetric(rng, 3, 6), rng.normal(size=(70, 6)), rng.integers(0, 3, 70)
    whole = exact_l2(observables, inputs, labels)
    monkeypatch.setattr("qaml.quantum.distance.smallest.CHUNK", 16)
    np.testing.assert_allclose(exact_l2(observables, inputs, labels).norms, whole.norms, rtol=1e-12)


def test_progress_and_no_inputs() -> None:
    observables = symmetric(np.random.default_rng(0), 3, 4)
    told: list[float] = []
    exact_l2(observables, np.ones((3, 4)), np.arange(3), told.append)
    assert told == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert exact_l2(observables, np.zeros((0, 4)), np.zeros(0, dtype=np.int64)).nearest.shape == (0, 4)


@pytest.mark.parametrize(
    ("observables", "inputs", "labels", "message"),
    [
        ((3, 4), (2, 4), [0, 1], r"expected observables of shape \(classes, d, d\), got \(3, 4\)"),
        ((3, 4, 4), (2, 5), [0, 1], r"expected inputs of shape \(n, 4\), got \(2, 5\)"),
        ((3, 4, 4), (2, 4), [0], r"expected a label for every input, got 2 inputs and labels of shape \(1,\)"),
        ((3, 4, 4), (2, 4), [0, 3], "expected labels from 0 to 2, got 0 to 3"),
    ],
)
def test_what_does_not_fit_is_refused(
    observables: tuple[int, ...], inputs: tuple[int, ...], labels: list[int], message: str
) -> None:
    with pytest.raises(PartError, match=message):
        exact_l2(np.zeros(observables), np.zeros(inputs), np.array(labels))


def test_a_classifier_that_diverged_is_refused() -> None:
    inputs, labels = np.ones((1, 2)), np.array([0])
    with pytest.raises(PartError, match="weights that are not finite"):
        exact_l2(np.full((2, 2, 2), np.nan), inputs, labels)
    with pytest.raises(PartError, match="weights that are not finite"):
        hyperplane_l2(np.ones((2, 2)), np.array([0.0, np.inf]), inputs, labels)


# --- linear classifiers


def test_two_lines_in_closed_form() -> None:
    # logits x₁ and x₂ + 1: the boundary x₁ − x₂ = 1
    found = hyperplane_l2(np.eye(2), np.array([0.0, 1.0]), np.array([[3.0, 0.0], [0.0, 0.0]]), np.array([0, 0]))
    np.testing.assert_allclose(found.norms, [np.sqrt(2), 0])
    np.testing.assert_allclose(found.nearest, [[2.0, 1.0], [0.0, 0.0]])
    assert found.classes.tolist() == [1, 1]


@drawn
@given(seed=seeds, classes=st.integers(2, 6))
def test_hyperplanes_flip_a_hair_beyond(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    weights, bias, inputs = rng.normal(size=(classes, 5)), rng.normal(size=classes), rng.normal(size=(10, 5))
    labels = (inputs @ weights.T + bias).argmax(axis=1)
    found = hyperplane_l2(weights, bias, inputs, labels)
    steps = found.nearest - inputs
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), found.norms, rtol=1e-9)
    for share, expected in ((1 + 1e-6, found.classes), (1 - 1e-6, labels)):
        np.testing.assert_array_equal(((inputs + share * steps) @ weights.T + bias).argmax(axis=1), expected)
    np.testing.assert_array_equal(hyperplane_l2(weights, bias, inputs, (labels + 1) % classes).norms, 0)


def test_equal_rows_never_meet() -> None:
    weights, bias = np.ones((2, 3)), np.array([0.5, 0.0])
    found = hyperplane_l2(weights, bias, np.ones((2, 3)), np.array([0, 1]))
    assert found.norms.tolist() == [np.inf, 0.0]
    assert found.classes.tolist() == [-1, 0]
    np.testing.assert_array_equal(found.nearest, np.ones((2, 3)))
