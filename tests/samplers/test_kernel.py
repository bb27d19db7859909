"""The fused kernel against Philox's published vectors and against a plain reference of the whole path."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_features
from numpy.typing import NDArray

from qaml.samplers.base import BoltzmannParameters
from qaml.samplers.gibbs.fused import FusedChains
from qaml.samplers.gibbs.kernel import CHAINS, GROUP, LANES, PATTERNS, philox, random_words, tabulate
from qaml.types import FloatArray
from tests.samplers.machines import small_machine

# Random123's kat_vectors (Salmon et al. 2011), philox4x32 with 10 rounds: counter, key, output
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


def reference_philox(counter: Sequence[Any], key: Sequence[Any]) -> list[int]:
    c, k, low = [int(x) for x in counter], [int(x) for x in key], 2**32 - 1
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & low, (p0 >> 32) ^ c[3] ^ k[1], p0 & low]
        k = [(k[0] + 0x9E3779B9) & low, (k[1] + 0xBB67AE85) & low]
    return c


@pytest.mark.parametrize(("counter", "key", "output"), PUBLISHED)
def test_philox_gives_the_published_vectors(counter: str, key: str, output: str) -> None:
    assert list(philox(*words(counter), *words(key))) == words(output)
    assert reference_philox(words(counter), words(key)) == words(output)


def test_random_words_are_philox_of_block_sweep_chain_and_step() -> None:
    out = np.empty(2 * 4 * LANES, np.uint32)
    random_words(out, 5, 7, 11, np.array([13, 17], np.uint64))
    for block in range(2 * LANES):
        group, lane = divmod(block, LANES)
        expected = reference_philox((block, 5, 7, 11), (13, 17))
        assert [int(out[4 * LANES * group + LANES * w + lane]) for w in range(4)] == expected


@pytest.mark.parametrize(("n_visible", "n_hidden"), [(5, 3), (17, 40), (33, 6)])
def test_table_holds_the_sum_of_every_pattern(n_visible: int, n_hidden: int) -> None:
    weights = small_machine(n_visible, n_hidden).weights
    n_groups = -(-n_hidden // LANES) * LANES // GROUP
    table = np.zeros((3, n_groups * PATTERNS, LANES), np.float32)
    tabulate(weights, table)
    by_row = np.concatenate(list(table), axis=1)
    for group in range(n_groups):
        for pattern in range(PATTERNS):
            on = [GROUP * group + bit for bit in range(GROUP) if pattern >> bit & 1]
            expected = weights[:, [j for j in on if j < n_hidden]].sum(axis=1)
            np.testing.assert_allclose(by_row[PATTERNS * group + pattern, :n_visible], expected, atol=1e-6)
    assert not by_row[:, n_visible:].any()


def reference_path(
    machine: BoltzmannParameters[FloatArray],
    visible: NDArray[np.uint8],
    betas: Sequence[float],
    seed: int,
    steps: int,
    sweeps: int,
) -> NDArray[np.uint8]:
    """The same chains unit by unit: the word of each unit from Philox, its probability from numpy in float64."""
    w, b, c = (p.astype(np.float64) for p in machine)
    n_visible, n_hidden = w.shape
    width = -(-n_hidden // LANES) * LANES
    key = np.random.SeedSequence(seed).generate_state(2).tolist()
    visible = visible.copy()

    def uniforms(first: int, n: int, counter: Sequence[Any]) -> NDArray[np.float64]:
        units = np.arange(first, first + n)
        blocks = units // (4 * LANES) * LANES + units % LANES
        word = units % (4 * LANES) // LANES
        drawn = [reference_philox((i, *counter), key)[k] for i, k in zip(blocks, word, strict=True)]
        return ((np.array(drawn) >> 8) + 0.5) / 2**24

    for step in range(steps):
        for chain, beta in enumerate(betas):
            for sweep in range(sweeps):
                counter = (sweep, chain, step)
                p = 1 / (1 + np.exp(-beta * (c + visible[chain] @ w)))
                h = uniforms(0, n_hidden, counter) < p
                p = 1 / (1 + np.exp(-beta * (b + w @ h)))
                visible[chain] = uniforms(width, n_visible, counter) < p
    return visible


@pytest.mark.parametrize(("n_visible", "n_hidden"), [(7, 5), (64, 16), (31, 45), (16, 1), (1, 1)])
def test_chains_follow_the_reference_bit_for_bit(n_visible: int, n_hidden: int) -> None:
    machine = small_machine(n_visible, n_hidden)
    betas = (1.0, 0.5, 0.0)
    chains = FusedChains(n_visible, n_hidden, betas, seed=3)
    start = chains.state()["visible"]
    for _ in range(2):
        chains.sweep(machine, 4)
    expected = reference_path(machine, start, betas, seed=3, steps=2, sweeps=4)
    np.testing.assert_array_equal(chains.state()["visible"], expected)


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_paths_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    machine, n = small_machine(30, 12), 2 * CHAINS + 5
    alone, shared = (FusedChains(30, 12, (1.0,) * n, seed=1, threads=k) for k in (1, threads))
    for chains in (alone, shared):
        chains.sweep(machine, 20)
        chains.sweep(machine, 3)
    np.testing.assert_array_equal(alone.state()["visible"], shared.state()["visible"])


@pytest.mark.parametrize("others", [6, CHAINS, 2 * CHAINS])
def test_a_chain_does_not_depend_on_how_many_others_there_are(others: int) -> None:
    machine = small_machine(30, 12)
    few, many = (FusedChains(30, 12, (1.0,) * n, seed=1) for n in (3, 3 + others))
    few.restore({"visible": many.state()["visible"][:3], "step": np.array(0)})
    for chains in (few, many):
        chains.sweep(machine, 10)
    np.testing.assert_array_equal(few.state()["visible"], many.state()["visible"][:3])


ROOT = Path(__file__).parents[2]
NARROW = "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma"
"""A processor with registers of 256 bits, half as wide as a tile."""


@pytest.mark.slow
@pytest.mark.skipif("fma" not in get_host_cpu_features(), reason="no such processor can be imitated here")
def test_paths_do_not_depend_on_the_width_of_registers() -> None:
    code = "from tests.samplers.test_kernel import digest_of_a_path; print(digest_of_a_path())"
    narrow = os.environ | {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": NARROW}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=narrow, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest_of_a_path()


def digest_of_a_path() -> str:
    chains = FusedChains(130, 70, np.linspace(0, 1, 20).tolist(), seed=1)
    chains.sweep(small_machine(130, 70), 100)
    return hashlib.sha256(chains.state()["visible"].tobytes()).hexdigest()


def test_extreme_activations_are_drawn_with_certainty_and_without_overflow() -> None:
    machine = small_machine(4, 3)
    machine = machine._replace(weights=machine.weights * 0, visible_bias=np.array([1e6, -1e6, 90, -90], np.float32))
    chains = FusedChains(4, 3, (1.0,) * 50, seed=0)
    chains.sweep(machine, 2)
    np.testing.assert_array_equal(chains.state()["visible"], np.tile([1, 0, 1, 0], (50, 1)))
