from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qaml.data.stratified import split_off, stratified_choice, stratified_counts, stratified_order
from qaml.types import Split

class_sizes = st.lists(st.integers(0, 60), min_size=1, max_size=12).filter(any)


def labels_of(sizes: list[int], seed: int = 0) -> np.ndarray:
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.int64)
    return np.random.default_rng(seed).permutation(labels)


@settings(deadline=None)
@given(sizes=class_sizes, data=st.data())
def test_counts_are_within_one_of_the_share(sizes: list[int], data: st.DataObject) -> None:
    available = np.array(sizes, np.int64)
    total = data.draw(st.integers(0, int(available.sum())))
    counts = stratified_counts(available, total)
    assert counts.sum() == total
    assert (counts <= available).all()
    assert (np.abs(counts * available.sum() - total * available) < available.sum()).all()


def test_counts_by_hand() -> None:
    # shares of 10 out of (50, 30, 21): 4.95, 2.97, 2.08, so both missing ones go to the first two
    assert stratified_counts(np.array([50, 30, 21]), 10).tolist() == [5, 3, 2]
    assert stratified_counts(np.array([5, 5, 5]), 4).tolist() == [2, 1, 1]


@settings(deadline=None)
@given(sizes=class_sizes, seed=st.integers(0, 2**64), data=st.data())
def test_choices_are_distinct_ordered_and_repeatable(sizes: list[int], seed: int, data: st.DataObject) -> None:
    labels = labels_of(sizes)
    total = data.draw(st.integers(0, len(labels)))
    chosen = stratified_choice(labels, total, seed)
    assert chosen.dtype == np.int64
    assert len(chosen) == total
    assert (np.diff(chosen) > 0).all()
    expected = stratified_counts(np.bincount(labels), total)
    assert np.array_equal(np.bincount(labels[chosen], minlength=len(expected)), expected)
    assert np.array_equal(chosen, stratified_choice(labels, total, seed))


def test_seed_and_stream_change_the_choice() -> None:
    labels = labels_of([50, 50])
    choices = {tuple(stratified_choice(labels, 20, seed, stream)) for seed in range(5) for stream in range(2)}
    assert len(choices) == 10


def test_the_choice_is_pinned() -> None:
    assert stratified_choice(np.arange(20) % 2, 6, 0).tolist() == [2, 3, 8, 11, 13, 18]


def test_every_example_is_equally_likely() -> None:
    labels = labels_of([30, 10])
    hits = np.zeros(40)
    for seed in range(2000):
        hits[stratified_choice(labels, 20, seed)] += 1
    # 2000 draws at p = 1/2: five standard errors for 40 examples
    assert np.abs(hits / 2000 - 0.5).max() < 5 * 0.5 / np.sqrt(2000)


@settings(deadline=None)
@given(sizes=class_sizes.filter(lambda sizes: sum(sizes) > 1), seed=st.integers(0, 100), data=st.data())
def test_splitting_off_divides_the_examples(sizes: list[int], seed: int, data: st.DataObject) -> None:
    labels = labels_of(sizes)
    n_test = data.draw(st.integers(0, len(labels)))
    whole = Split(np.arange(len(labels), dtype=np.float32)[:, None], labels, np.arange(len(labels)) + 7)
    train, test = split_off(whole, n_test, seed)
    assert len(test) == n_test
    assert sorted([*train.indices, *test.indices]) == whole.indices.tolist()
    for part in (train, test):
        assert np.array_equal(part.inputs[:, 0] + 7, part.indices)
        assert np.array_equal(labels[part.indices - 7], part.labels)


@settings(deadline=None)
@given(sizes=class_sizes, seed=st.integers(0, 100), data=st.data())
def test_every_prefix_of_an_order_has_the_shares_of_the_whole(sizes: list[int], seed: int, data: st.DataObject) -> None:
    labels, indices = labels_of(sizes, seed), np.random.default_rng(seed).permutation(sum(sizes))
    order = stratified_order(labels, indices)
    assert sorted(order) == list(range(len(labels)))
    seen = np.cumsum(np.eye(len(sizes), dtype=np.int64)[labels[order]], axis=0)
    places = np.arange(1, len(labels) + 1)[:, None]
    assert (np.abs(seen * len(labels) - places * np.array(sizes)) < len(labels)).all()
    count = data.draw(st.integers(0, len(labels)))
    assert np.array_equal(stratified_order(labels, indices, count), order[:count])


def test_the_order_is_pinned() -> None:
    assert stratified_order(np.arange(20) % 2, np.arange(20), 6).tolist() == [2, 5, 4, 1, 6, 15]


def test_datasets_that_share_examples_begin_with_the_same_ones() -> None:
    """Half of the classes, in another order, with other labels: evidence is paired by original positions."""
    labels = labels_of([40, 40, 40, 40])
    whole = stratified_order(labels, np.arange(160))
    own = np.random.default_rng(1).permutation(np.flatnonzero(labels >= 2))
    few = own[stratified_order(3 - labels[own], own)]
    assert set(few[:40]) == set([i for i in whole if labels[i] >= 2][:40])


def test_an_order_hides_where_the_file_stops_being_easy() -> None:
    """A file sorted by difficulty: the first 400 of 2,000 in it are all hard, of the order the usual share is."""
    labels = np.tile(np.arange(10), 200)
    is_hard = np.arange(2000) < 1000
    order = stratified_order(labels, np.arange(2000), 400)
    assert is_hard[:400].all()
    # five standard errors of 400 draws from 2,000 without replacement
    assert abs(is_hard[order].mean() - 0.5) < 5 * 0.5 / 20 * np.sqrt(1 - 400 / 1999)
