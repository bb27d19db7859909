"""Every sampler, fused and in torch, against the exact moments of a small machine."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from qaml.samplers import SAMPLERS, BoltzmannParameters, Moments, SamplerPart
from qaml.samplers.gibbs.device import TensorChains
from qaml.samplers.gibbs.fused import FusedChains
from qaml.samplers.gibbs.part import (
    BatchPhase,
    ContrastiveDivergence,
    PersistentContrastiveDivergence,
    PersistentPhase,
)
from qaml.samplers.tempering.part import ParallelTempering
from qaml.samplers.tempering.phase import TemperedPhase
from qaml.types import FloatArray
from tests.samplers.machines import joint, small_machine

N_VISIBLE, N_HIDDEN, CHAINS = 7, 5, 4000
CD = ContrastiveDivergence(sweeps=60)
PCD = PersistentContrastiveDivergence(sweeps=60, chains=CHAINS)
TEMPERING = ParallelTempering(sweeps=40, chains=CHAINS, levels=4, lowest_beta=0.1)


def on_tensors(part: SamplerPart, seed: int) -> Any:
    """What ``start`` makes for a device, on the CPU."""

    def chains(betas: Sequence[float]) -> TensorChains:
        return TensorChains(N_VISIBLE, N_HIDDEN, betas, seed, "cpu")

    if isinstance(part, ParallelTempering):
        return TemperedPhase(chains([beta for beta in part.betas for _ in range(part.chains)]), part, seed)
    if isinstance(part, PersistentContrastiveDivergence):
        return PersistentPhase(chains([1.0] * part.chains), part.sweeps, part.chains)
    assert isinstance(part, ContrastiveDivergence)
    return BatchPhase(chains([1.0]), part.sweeps)


def start(part: SamplerPart, backend: str, seed: int = 0) -> Any:
    return on_tensors(part, seed) if backend == "torch" else part.start(N_VISIBLE, N_HIDDEN, seed)


def arrays(backend: str, machine: BoltzmannParameters[FloatArray], batch: Any) -> tuple[BoltzmannParameters[Any], Any]:
    if backend == "torch":
        return BoltzmannParameters(*map(torch.from_numpy, machine)), torch.from_numpy(batch)
    return machine, batch


def assert_within_standard_errors(moments: Moments[Any], exact: Moments[Any], n: int) -> None:
    """Every one of the 47 entries within 4.5 standard errors of n independent samples: one false alarm in 3,000."""
    for estimate, mean in zip(moments, exact, strict=True):
        # a mean of values in [0, 1] has at most the variance of a coin
        error = np.sqrt(mean * (1 - mean) / n)
        np.testing.assert_array_less(np.abs(np.asarray(estimate) - mean), 4.5 * error)


@pytest.mark.parametrize("backend", ["fused", "torch"])
@pytest.mark.parametrize("part", [CD, PCD, TEMPERING], ids=lambda part: part.kind)
def test_moments_agree_with_enumeration(part: SamplerPart, backend: str) -> None:
    machine = small_machine(N_VISIBLE, N_HIDDEN)
    parameters, batch = arrays(backend, machine, np.full((CHAINS, N_VISIBLE), 0.5, np.float32))
    moments = start(part, backend).moments(parameters, batch)
    assert_within_standard_errors(moments, joint(machine)[1], CHAINS)


@pytest.mark.parametrize("backend", ["fused", "torch"])
def test_tempering_crosses_a_barrier_that_plain_chains_do_not(backend: str) -> None:
    # two modes, all units on and all off, of equal weight and separated by many flips
    weights = np.full((N_VISIBLE, N_HIDDEN), 3.0, np.float32)
    machine = BoltzmannParameters(weights, -weights.sum(1) / 2, -weights.sum(0) / 2)
    off = {"visible": np.zeros((CHAINS, N_VISIBLE), np.uint8)}
    parameters, batch = arrays(backend, machine, np.zeros((1, N_VISIBLE), np.float32))
    part = ParallelTempering(sweeps=60, chains=CHAINS // 4, levels=6, lowest_beta=0.0)
    tempered = start(part, backend)
    tempered.restore({**tempered.state(), "visible": np.zeros((6 * CHAINS // 4, N_VISIBLE), np.uint8)})
    stuck = start(PCD, backend)
    stuck.restore({**stuck.state(), **off})
    assert float(stuck.moments(parameters, batch).visible.mean()) < 0.2
    assert float(tempered.moments(parameters, batch).visible.mean()) == pytest.approx(0.5, abs=0.1)


def same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("backend", ["fused", "torch"])
@pytest.mark.parametrize("part", [CD, PCD, TEMPERING], ids=lambda part: part.kind)
def test_restored_sampler_continues_bit_for_bit(part: SamplerPart, backend: str) -> None:
    part = type(part).model_validate({**part.model_dump(), **({} if part.kind == "cd" else {"chains": 6})})
    parameters, batch = arrays(backend, small_machine(N_VISIBLE, N_HIDDEN), np.full((4, N_VISIBLE), 0.3, np.float32))
    whole = start(part, backend)
    whole.moments(parameters, batch)
    kept = {name: array.copy() for name, array in whole.state().items()}
    resumed = start(part, backend, seed=0)
    resumed.restore(kept)
    first, second = whole.moments(parameters, batch), resumed.moments(parameters, batch)
    assert same(whole.state(), resumed.state())
    assert not same(whole.state(), kept)
    assert all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("backend", ["fused", "torch"])
def test_cd_starts_at_the_batch(backend: str) -> None:
    means = np.array([[0.0, 1.0, 0.25]] * 20_000, np.float32)
    chains: Any = FusedChains(3, 2, (1.0,), 0) if backend == "fused" else TensorChains(3, 2, (1.0,), 0, "cpu")
    chains.start_from(torch.from_numpy(means) if backend == "torch" else means)
    visible = chains.state()["visible"]
    np.testing.assert_array_equal(visible[:, :2], means[:, :2])
    assert visible[:, 2].mean() == pytest.approx(0.25, abs=4.5 * np.sqrt(0.25 * 0.75 / 20_000))


@pytest.mark.parametrize("kind", SAMPLERS.kinds())
def test_seeds_decide_and_the_global_generators_are_left_alone(kind: str) -> None:
    part = SAMPLERS.load(kind)(kind=kind)
    machine, batch = small_machine(N_VISIBLE, N_HIDDEN), np.full((3, N_VISIBLE), 0.5, np.float32)
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index] # noqa: NPY002
    first, again, other = (part.start(N_VISIBLE, N_HIDDEN, seed).moments(machine, batch) for seed in (1, 1, 2))
    after = torch.random.get_rng_state(), np.random.get_state()[1]  # type: ignore[index] # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    np.testing.assert_array_equal(first.products, again.products)
    assert np.array_equal(first.products, other.products) == (kind == "exact")


@pytest.mark.parametrize("backend", ["fused", "torch"])
def test_free_energies_of_chains_at_their_temperatures(backend: str) -> None:
    machine = small_machine(N_VISIBLE, N_HIDDEN)
    chains: Any = FusedChains(N_VISIBLE, N_HIDDEN, (1.0, 0.5, 0.0), 0)
    if backend == "torch":
        chains = TensorChains(N_VISIBLE, N_HIDDEN, (1.0, 0.5, 0.0), 0, "cpu")
    betas = np.array([1.0, 0.3, 0.0], np.float32)
    parameters, _ = arrays(backend, machine, np.zeros((1, N_VISIBLE), np.float32))
    w, b, c = (p.astype(np.float64) for p in machine)
    v = chains.state()["visible"].astype(np.float64)
    beta = betas.astype(np.float64)
    expected = -beta * (v @ b) - np.log1p(np.exp(beta[:, None] * (v @ w + c))).sum(1)
    np.testing.assert_allclose(chains.free_energies(parameters, betas), expected, rtol=1e-5)
