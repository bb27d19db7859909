"""Seeded, class-balanced choices that give the same examples on every platform and with every numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qaml.types import Split

if TYPE_CHECKING:
    from qaml.types import IntArray


def stratified_counts(available: IntArray, total: int) -> IntArray:
    """How many examples of each class to take, each within one of its proportional share.

    Largest remainders (Hamilton's method); ties go to the class with the lower label.

    Args:
        available: (n_classes,) examples of each class.
        total: examples to take, at most ``available.sum()``.

    Returns:
        (n_classes,) int64 that sum to ``total``.
    """
    n = int(available.sum())
    # integers throughout: a quota of 3 must not become 2.9999
    counts, remainders = np.divmod(available.astype(np.int64) * total, n)
    missing = total - int(counts.sum())
    counts[np.argsort(-remainders, kind="stable")[:missing]] += 1
    return counts


def stratified_choice(labels: IntArray, total: int, seed: int, stream: int = 0) -> IntArray:
    """Choose examples at random with the class shares kept.

    Args:
        labels: (n,) int64, not negative.
        total: examples to choose, at most n.
        seed: of the choice.
        stream: tells choices apart that share a seed, such as training and test.

    Returns:
        (total,) int64 positions, increasing.
    """
    if total == 0:
        return np.empty(0, np.int64)
    # Raw PCG64 output is fixed for good, the methods of numpy's Generator are not (NEP 19).
    keys = np.random.PCG64(np.random.SeedSequence((seed, stream))).random_raw(len(labels))
    counts = stratified_counts(np.bincount(labels), total)
    chosen = [_lowest(keys, np.flatnonzero(labels == label), count) for label, count in enumerate(counts)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _lowest(keys: np.ndarray[tuple[int], np.dtype[np.uint64]], members: IntArray, count: int) -> IntArray:
    return members[np.argsort(keys[members], kind="stable")[:count]]


def take(split: Split, positions: IntArray) -> Split:
    """The examples at these positions, with their original indices."""
    return Split(split.inputs[positions], split.labels[positions], split.indices[positions])


def split_off_share(whole: Split, share: float, seed: int) -> tuple[Split, Split]:
    """``split_off`` with a share of the examples for testing, at least one and not all of them."""
    return split_off(whole, min(max(round(len(whole) * share), 1), len(whole) - 1), seed)


def split_off(whole: Split, n_test: int, seed: int) -> tuple[Split, Split]:
    """Divide examples into training and test examples, class shares kept, both in their original order."""
    test = stratified_choice(whole.labels, n_test, seed)
    train = np.setdiff1d(np.arange(len(whole)), test)
    return take(whole, train), take(whole, test)
