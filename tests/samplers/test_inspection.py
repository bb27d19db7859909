"""Inspections: independent samples of the machine pass, samples of another machine do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qaml.models.rbm.update import estimates
from qaml.samplers.base import BoltzmannParameters, Moments
from qaml.samplers.conditional import conditional_moments
from qaml.samplers.distribution import Distribution, distribution_of
from qaml.samplers.exact.part import Exact
from qaml.samplers.inspection import inspect
from tests.samplers.machines import small_machine

N, M, CALLS, READS = 6, 4, 40, 500
MACHINE = small_machine(N, M)
DATA = (np.random.default_rng(5).random((300, N)) < 0.7).astype(np.float32)


def truth(machine: BoltzmannParameters[Any] = MACHINE) -> Distribution:
    return distribution_of(machine, DATA, 0)


def drawn(machine: BoltzmannParameters[Any], seed: int = 0) -> dict[str, NDArray[Any]]:
    """Estimates from independent samples of one machine, hidden units by the means of MACHINE."""
    source = truth(machine)
    rng = np.random.default_rng(seed)
    samples = source.visible[rng.choice(len(source.shares), size=(CALLS, READS), p=source.shares)]
    moments = [conditional_moments(MACHINE, call.astype(np.float32)) for call in samples]
    arrays = {name: np.stack([getattr(one, name) for one in moments]) for name in Moments._fields}
    return arrays | {"samples": samples.reshape(-1, N), "draws": np.full(CALLS, READS)}


def test_independent_samples_are_as_good_as_independent_samples() -> None:
    found = inspect(MACHINE, drawn(MACHINE), truth(), DATA)
    # 40 estimates of 6, 4 and 24 moments that are correlated: a tenth is about two standard errors
    assert found["first"] == pytest.approx(1, abs=0.1)
    assert found["second"] == pytest.approx(1, abs=0.1)
    assert found["angle"] == pytest.approx(found["ideal_angle"], rel=0.15)
    assert abs(found["divergence"]) < 0.002
    assert found["draws"] == READS
    assert found["is_exact"]
    np.testing.assert_allclose(found["points"]["true"], found["points"]["estimated"], atol=0.02)
    energies = found["energies"]
    assert sum(energies["true"]) == pytest.approx(1, abs=1e-6)
    assert np.abs(np.subtract(energies["true"], energies["estimated"])).sum() < 0.05


def test_samples_of_a_hotter_machine_are_found_out() -> None:
    hot = BoltzmannParameters(*(p * np.float32(0.5) for p in MACHINE))
    found = inspect(MACHINE, drawn(hot), truth(), DATA)
    assert found["first"] > 2
    assert found["second"] > 2
    assert found["angle"] > 2 * found["ideal_angle"]
    source, other = truth(), truth(hot)
    exact = float((other.shares * np.log(other.shares / source.shares)).sum())
    assert found["divergence"] == pytest.approx(exact, rel=0.1)


def test_exact_moments_have_no_error_and_no_samples() -> None:
    phase = Exact().start(N, M, 0)
    found = inspect(MACHINE, estimates(phase, MACHINE, [DATA[:5]] * 2), truth(), DATA)
    assert max(found["first"], found["second"]) < 1e-3
    assert found["angle"] < 0.1
    assert found["divergence"] is None
    assert "energies" not in found


def test_a_constant_unit_has_no_floor() -> None:
    frozen = BoltzmannParameters(np.zeros((2, 2), np.float32), np.full(2, 200, np.float32), np.zeros(2, np.float32))
    phase = Exact().start(2, 2, 0)
    found = inspect(frozen, estimates(phase, frozen, [DATA[:1, :2]]), truth(frozen), DATA[:, :2])
    assert np.isfinite([found["first"], found["second"], found["reference_error"]]).all()
