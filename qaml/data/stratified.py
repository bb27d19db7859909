"""Seeded, class-balanced choices and orders that are the same on every platform and with every numpy."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from qaml.types import IntArray, Split


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
        seed: seed of the random choice.
        stream: name that makes choices with the same seed independent, such as training and test.

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


def stratified_order(labels: IntArray, indices: IntArray, count: int | None = None) -> IntArray:
    """Examples in random order with every prefix's class shares within one example of the whole's.

    Classes come earliest deadline first (Tijdeman 1980, "The chairman assignment problem"): largest remainders, as for
    a choice, give no nested prefixes. Within a class the order depends on original positions alone, so datasets that
    share examples begin with the same ones.

    Args:
        labels: (n,) int64, not negative.
        indices: (n,) int64, original positions.
        count: number of examples to order (default: all); a smaller one returns the beginning of the same order.

    Returns:
        (count,) int64 positions, each once.
    """
    sizes = np.bincount(labels)
    keys = _scrambled(indices)
    members = [m[np.argsort(keys[m], kind="stable")] for m in (np.flatnonzero(labels == k) for k in range(len(sizes)))]
    turns = _turns(sizes.tolist(), len(labels) if count is None else min(count, len(labels)))
    order = np.empty(len(turns), np.int64)
    for label, own in enumerate(members):
        places = np.flatnonzero(turns == label)
        order[places] = own[: len(places)]
    return order


def _turns(sizes: list[int], count: int) -> IntArray:
    """The class at each place: among the classes that may come (less than one ahead), the one due first.

    The j-th example of a class of size s among n may come after place (j − 1)·n/s and must have come by place ⌈j·n/s⌉;
    integers throughout.
    """
    n = sum(sizes)
    waiting = [(0, label) for label, size in enumerate(sizes) if size]
    due: list[tuple[int, int]] = []
    taken = [0] * len(sizes)
    turns = []
    for place in range(1, count + 1):
        while waiting and waiting[0][0] < place:
            _, label = heappop(waiting)
            heappush(due, (-(-(taken[label] + 1) * n // sizes[label]), label))
        _, label = heappop(due)
        turns.append(label)
        taken[label] += 1
        if taken[label] < sizes[label]:
            heappush(waiting, (taken[label] * n // sizes[label], label))
    return np.array(turns, np.int64)


def _scrambled(indices: IntArray) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A pseudo-random number for each original position (SplitMix64; Steele, Lea & Flood 2014)."""
    z = (indices.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


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


def split_off_together(whole: Split, share: float, seed: int) -> tuple[Split, Split]:
    """``split_off_share`` with examples of equal inputs on the same side, so that no test input is a training input.

    The choice is made among the first examples of each input; the other ones follow them. Without repeated inputs it is
    that of ``split_off_share``.
    """
    seen: dict[bytes, int] = {}
    first = np.array([seen.setdefault(row.tobytes(), place) for place, row in enumerate(whole.inputs)], np.int64)
    heads = np.flatnonzero(first == np.arange(len(whole)))
    count = min(max(round(len(heads) * share), 1), len(heads) - 1)
    test = heads[stratified_choice(whole.labels[heads], count, seed)]
    is_test = np.isin(first, test)
    return take(whole, np.flatnonzero(~is_test)), take(whole, np.flatnonzero(is_test))
