"""Gibbs chains on the CPU, driven through the fused kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qaml.samplers.base import BoltzmannParameters, Moments
from qaml.samplers.conditional import conditional_moments, free_energies
from qaml.samplers.gibbs.kernel import GROUP, LANES, PATTERNS, advance, tabulate
from qaml.types import AnyArray, DoubleArray, FloatArray, IntArray


def _cache_lines(*shape: int) -> FloatArray:
    """An array of zeros that begins with a cache line of 64 bytes: loading a tile then touches one line."""
    n = math.prod(shape)
    zeros = np.zeros(n + LANES, np.float32)
    start = -zeros.ctypes.data % 64 // 4
    return zeros[start : start + n].reshape(shape)


class FusedChains:
    """Chains whose path depends on seed, chain and number of calls only, not on the number of threads.

    Args:
        n_visible: number of visible units of a state.
        n_hidden: number of hidden units.
        betas: one inverse temperature for each chain.
        seed: seed of the start and of every draw.
        threads: number of threads, among which the chains are divided.
    """

    def __init__(self, n_visible: int, n_hidden: int, betas: Sequence[float], seed: int, threads: int = 1) -> None:
        self._seed = seed
        self._threads = threads
        self._step = 0
        self._betas = np.asarray(betas, np.float32)
        self._key = np.random.SeedSequence(seed).generate_state(2).astype(np.uint64)
        self._visible = np.random.default_rng(seed).integers(0, 2, (len(betas), n_visible), np.uint8)
        tiles, hidden_tiles = -(-n_visible // LANES), -(-n_hidden // LANES)
        self._weights = _cache_lines(hidden_tiles, LANES * tiles + 1, LANES)
        self._table = _cache_lines(tiles, hidden_tiles * LANES // GROUP * PATTERNS, LANES)
        self._visible_bias = _cache_lines(LANES * tiles)
        self._hidden_bias = _cache_lines(LANES * hidden_tiles)

    def sweep(self, parameters: BoltzmannParameters[FloatArray], sweeps: int) -> None:
        """Draw hidden units given visible ones and back, ``sweeps`` times, in every chain."""
        self._take(parameters)
        edges = np.linspace(0, len(self._visible), self._threads + 1).astype(int)
        spans = [(int(first), int(last)) for first, last in pairwise(edges)]
        if self._threads == 1:
            self._advance(sweeps, *spans[0])
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(lambda span: self._advance(sweeps, *span), spans))
        self._step += 1

    def start_from(self, means: FloatArray) -> None:
        """As many chains as rows, at draws of Bernoulli(means) and inverse temperature 1."""
        uniforms = np.random.default_rng((self._seed, self._step)).random(means.shape, np.float32)
        self._visible = (uniforms < means).astype(np.uint8)
        self._betas = np.ones(len(means), np.float32)
        self._step += 1

    def moments(self, parameters: BoltzmannParameters[FloatArray], n_chains: int) -> Moments[FloatArray]:
        """Averages over the first chains, hidden units by their means given the visible ones."""
        return conditional_moments(parameters, self._visible[:n_chains].astype(np.float32))

    def visible(self, n_chains: int) -> NDArray[np.uint8]:
        """The visible units of the first chains, (n_chains, n_visible) of 0 and 1."""
        return self._visible[:n_chains].copy()

    def free_energies(self, parameters: BoltzmannParameters[FloatArray], betas: FloatArray) -> DoubleArray:
        """F of each chain's visible state at the given inverse temperatures."""
        return free_energies(parameters, self._visible.astype(np.float32), betas)

    def permute(self, order: IntArray) -> None:
        """Put the state of chain ``order[i]`` in place i."""
        self._visible = self._visible[order]

    def state(self) -> Mapping[str, AnyArray]:
        """The visible states and the number of calls so far."""
        return {"visible": self._visible.copy(), "step": np.array(self._step)}

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""
        self._visible = np.array(state["visible"], np.uint8)
        self._step = int(state["step"])

    def _take(self, parameters: BoltzmannParameters[FloatArray]) -> None:
        n_visible, n_hidden = parameters.weights.shape
        for tile, weights in enumerate(self._weights):
            columns = parameters.weights[:, LANES * tile : LANES * (tile + 1)]
            weights[:n_visible, : columns.shape[1]] = columns
        tabulate(parameters.weights, self._table)
        self._visible_bias[:n_visible] = parameters.visible_bias
        self._hidden_bias[:n_hidden] = parameters.hidden_bias

    def _advance(self, sweeps: int, first: int, last: int) -> None:
        advance(
            self._visible,
            self._weights,
            self._table,
            self._visible_bias,
            self._hidden_bias,
            self._betas,
            self._key,
            self._step,
            sweeps,
            first,
            last,
        )
