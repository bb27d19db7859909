"""The conformance check of negative-phase samplers."""

from __future__ import annotations

from typing import Any

import numpy as np

from qaml.samplers.base import BoltzmannParameters, Moments, NegativePhase, SamplerPart, Sampling
from qaml.testing.material import (
    assert_same_arrays,
    check_settings,
    check_sources,
    global_generators_left_alone,
    scrambled,
)

N_VISIBLE, N_HIDDEN, N_BATCH = 7, 5, 4


def check_sampler(part: SamplerPart) -> None:
    """Check a sampler on a machine of 7 visible and 5 hidden units.

    Moments of the right shapes that are averages of units, one sequence a seed, a state that continues bit for bit,
    unchanged parameters, batch and global generators. Whether the averages are the model's is for the author's
    own tests: they can be enumerated on machines this small.

    Raises:
        AssertionError: a property does not hold; the message says what was expected.
    """
    check_settings(part)
    check_sources(part)
    machine, batch = _machine(), np.full((N_BATCH, N_VISIBLE), 0.3, np.float32)
    kept = {"batch": batch.copy(), **{name: array.copy() for name, array in machine._asdict().items()}}
    scrambled(1)
    with global_generators_left_alone(f"sampler {part.kind}"):
        first = _sequence(part.start(N_VISIBLE, N_HIDDEN, 1), machine, batch)
    for moments in first:
        _check_moments(moments)
    assert_same_arrays(kept, {"batch": batch, **machine._asdict()}, "parameters and batch before and after")
    scrambled(2)
    for one, other in zip(first, _sequence(part.start(N_VISIBLE, N_HIDDEN, 1), machine, batch), strict=True):
        assert_same_arrays(one._asdict(), other._asdict(), "two samplers with one seed")
    _check_resuming(part, machine, batch)


def _machine() -> BoltzmannParameters[Any]:
    rng = np.random.default_rng(0)
    shapes = ((N_VISIBLE, N_HIDDEN), (N_VISIBLE,), (N_HIDDEN,))
    return BoltzmannParameters(*(rng.standard_normal(shape).astype(np.float32) for shape in shapes))


def _sequence(phase: NegativePhase[Any], machine: BoltzmannParameters[Any], batch: Any) -> list[Moments[Any]]:
    return [Moments(*(np.array(a) for a in phase.moments(machine, batch))) for _ in range(3)]


def _check_moments(moments: Moments[Any]) -> None:
    shapes = {"products": (N_VISIBLE, N_HIDDEN), "visible": (N_VISIBLE,), "hidden": (N_HIDDEN,)}
    for name, shape in shapes.items():
        array = np.asarray(getattr(moments, name))
        assert array.shape == shape, f"expected {name} of shape {shape}, got {array.shape}"
        assert array.dtype == np.float32, f"expected float32 {name}, got {array.dtype}"
        assert np.isfinite(array).all(), f"{name} is not finite"
        in_range = array.min() >= -1e-5 and array.max() <= 1 + 1e-5
        assert in_range, f"{name} holds averages of zeros and ones, got {array.min()} to {array.max()}"
    # no unit pair is on more often than either of its units
    pairs = np.minimum(moments.visible[:, None], moments.hidden[None])
    assert (moments.products <= pairs + 1e-4).all(), (
        "a pair is on more often than one of its units: ⟨vh⟩ > min(⟨v⟩, ⟨h⟩)"
    )


def _check_samples(phase: Any, moments: Moments[Any]) -> None:
    """Check the visible units behind the moments, for a sampler that offers them."""
    if not isinstance(phase, Sampling):
        return
    samples = np.asarray(phase.samples())
    is_binary = samples.ndim == 2 and samples.shape[1] == N_VISIBLE and bool(np.isin(samples, (0, 1)).all())
    assert is_binary, f"expected samples of {N_VISIBLE} units of 0 and 1, got shape {samples.shape}"
    off = np.abs(samples.mean(0) - np.asarray(moments.visible)).max()
    assert off < 1e-5, f"⟨v⟩ differs from the average of the samples by {off:.2g}"


def _check_resuming(part: SamplerPart, machine: BoltzmannParameters[Any], batch: Any) -> None:
    whole = part.start(N_VISIBLE, N_HIDDEN, 1)
    _check_samples(whole, whole.moments(machine, batch))
    state = {name: np.array(array) for name, array in whole.state().items()}
    resumed = part.start(N_VISIBLE, N_HIDDEN, 1)
    resumed.restore(state)
    assert_same_arrays(state, dict(resumed.state()), "the state restored and the state given")
    for one, other in zip(_sequence(whole, machine, batch), _sequence(resumed, machine, batch), strict=True):
        assert_same_arrays(one._asdict(), other._asdict(), "a restored sampler and one that was not interrupted")
