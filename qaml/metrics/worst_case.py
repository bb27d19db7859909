"""The worst of several inputs for each image: the minimum for deterministic models, a corrected one for random ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qaml.types import DoubleArray

N_SPLITS = 8
_SEED = 20210617


class Candidate(NamedTuple):
    """One input offered for each image.

    Attributes:
        correct: (seeds, n) share of draws predicted correctly.
        draws: number K of draws of k-of-K evidence.
    """

    correct: DoubleArray
    draws: int


def worst_case(candidates: Sequence[Candidate]) -> DoubleArray:
    """(seeds, n) the share of correct draws on the worst candidate of each image.

    For deterministic evidence this is the minimum. With k of K draws the minimum of noisy shares would be biased
    downwards (the candidate with the unluckiest draws wins), so the draws are thinned at random: the worst candidate
    is chosen on one half and scored on the other. Draws are exchangeable, so a split of k of K is hypergeometric;
    the average over a few seeded splits is returned. A tie goes to the later candidate, the larger budget.
    """
    if all(candidate.draws == 1 for candidate in candidates):
        smallest: DoubleArray = np.min([candidate.correct for candidate in candidates], axis=0)
        return smallest
    generator = np.random.default_rng(_SEED)
    splits = [_scored_on_fresh_draws(candidates[::-1], generator) for _ in range(N_SPLITS)]
    average: DoubleArray = np.mean(splits, axis=0)
    return average


def _scored_on_fresh_draws(candidates: Sequence[Candidate], generator: np.random.Generator) -> DoubleArray:
    halves = [_split(candidate, generator) for candidate in candidates]
    chosen = np.argmin([seen for seen, _ in halves], axis=0)
    scored: DoubleArray = np.take_along_axis(np.stack([fresh for _, fresh in halves]), chosen[None], axis=0)[0]
    return scored


def _split(candidate: Candidate, generator: np.random.Generator) -> tuple[DoubleArray, DoubleArray]:
    if candidate.draws == 1:
        return candidate.correct, candidate.correct
    right = np.rint(candidate.correct * candidate.draws).astype(np.int64)
    n_seen = candidate.draws // 2
    seen = generator.hypergeometric(right, candidate.draws - right, n_seen)
    return seen / n_seen, (right - seen) / (candidate.draws - n_seen)
