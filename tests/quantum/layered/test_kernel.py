"""How kernels are cut into groups, compiled and cached, in this process and beside others."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from llvmlite.binding import get_host_cpu_features

from qaml.quantum.layered.kernel import LANES, backward_groups, forward_groups, place, state_size
from qaml.quantum.layered.network import expectations
from tests.quantum.layered import reference

ROOT = Path(__file__).parents[3]
NARROW = "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma"
"""A processor with registers of 256 bits."""


@pytest.mark.parametrize("n_wires", range(1, 13))
def test_groups_cover_the_wires_in_order(n_wires: int) -> None:
    for groups in (forward_groups(n_wires), backward_groups(n_wires)[::-1]):
        assert [wire for group in groups for wire in group] == list(range(n_wires))


@pytest.mark.parametrize("n_wires", range(1, 13))
def test_places_do_not_overlap(n_wires: int) -> None:
    places = [place(n_wires, k) for k in range(2**n_wires)]
    assert all(second - first >= 2 * LANES for first, second in pairwise(places))
    assert places[-1] + 2 * LANES <= state_size(n_wires)


def results(n_wires: int) -> list[np.ndarray]:
    """Values and gradients of one small circuit; what other processes compute, too."""
    generator = np.random.default_rng(n_wires)
    amplitudes = generator.normal(size=(20, 2**n_wires)).astype(np.float32)
    amplitudes /= np.linalg.norm(amplitudes, axis=1, keepdims=True)
    weights = torch.from_numpy(generator.uniform(-7, 7, (2, n_wires, 3)).astype(np.float32)).requires_grad_()
    values = expectations(torch.from_numpy(amplitudes), weights, n_wires)
    (gradient,) = torch.autograd.grad(values.sum(), weights)
    expected = reference.expectations(amplitudes.astype(float), weights.detach().double().numpy(), n_wires)
    np.testing.assert_allclose(values.detach(), expected, atol=2e-6)
    return [values.detach().numpy(), gradient.numpy()]


CODE = """
import os, sys, numpy as np
from tests.quantum.layered.test_kernel import results

def begin(target, wires):
    process = os.fork()
    if not process:
        np.savez(target, *[array for n in wires.split(",") for array in results(int(n))])
        os._exit(0)
    return process

for turn in sys.argv[1:]:
    processes = [begin(*each.split(":")) for each in turn.split()]
    assert not any([os.waitpid(process, 0)[1] for process in processes])
"""


def in_other_processes(*turns: dict[Path, list[int]], **environment: str) -> None:
    """Results for some wires into each file, by a process a file; those of a turn compile at once."""
    arguments = [" ".join(f"{file}:{','.join(map(str, wires))}" for file, wires in turn.items()) for turn in turns]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def arrays(target: Path) -> list[np.ndarray]:
    with np.load(target) as stored:
        return [stored[name] for name in stored.files]


@pytest.mark.slow
def test_processes_compile_into_one_cache_at_once(tmp_path: Path) -> None:
    cold = {tmp_path / "forth.npz": [1, 2], tmp_path / "back.npz": [2, 1]}
    warm = {tmp_path / "warm.npz": [2, 1]}
    in_other_processes(cold, warm, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    for target, order in (cold | warm).items():
        expected = [array for n in order for array in results(n)]
        for own, other in zip(arrays(target), expected, strict=True):
            np.testing.assert_array_equal(own, other)
    indices = {path.name.split("-")[0] for path in (tmp_path / "cache").rglob("*.nbi")}
    assert {f"kernel.{kind}_{n}" for kind in ("forward", "backward") for n in (1, 2)} <= indices


@pytest.mark.slow
@pytest.mark.skipif("fma" not in get_host_cpu_features(), reason="no such processor can be imitated here")
def test_narrower_registers_give_the_same_results(tmp_path: Path) -> None:
    target = tmp_path / "narrow.npz"
    narrow = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": NARROW, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    in_other_processes({target: [7]}, **narrow)
    for own, other in zip(arrays(target), results(7), strict=True):
        np.testing.assert_allclose(own, other, atol=2e-5)
