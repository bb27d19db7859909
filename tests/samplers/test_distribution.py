"""A machine's distribution: enumerated where that is possible, by parallel tempering within its own error elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.samplers.distribution import distribution_of, floors_of
from qaml.samplers.exact.enumeration import enumerate_machine
from tests.samplers.machines import joint, small_machine, states

DATA = np.full((10, 13), 0.5, np.float32)


def test_small_machines_are_enumerated() -> None:
    machine = small_machine(6, 4)
    found = distribution_of(machine, DATA[:, :6], 0)
    _, exact = joint(machine)
    assert found.is_exact
    assert found.errors == (0.0, 0.0, 0.0)
    assert found.shares.sum() == pytest.approx(1)
    for one, other in zip(found.moments, exact, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_variances_are_those_of_a_single_sample() -> None:
    machine = small_machine(5, 3)
    found = distribution_of(machine, DATA[:, :5], 0)
    weights, bias, hidden_bias = (p.astype(np.float64) for p in machine)
    visible = states(5)
    activations = visible @ weights + hidden_bias
    shares = np.exp(visible @ bias + np.logaddexp(0, activations).sum(1))
    shares /= shares.sum()
    each = visible[:, :, None] / (1 + np.exp(-activations))[:, None, :]  # what one sample adds to ⟨v hᵀ⟩
    mean = np.tensordot(shares, each, 1)
    np.testing.assert_allclose(found.variances.products, np.tensordot(shares, (each - mean) ** 2, 1), atol=1e-6)


def test_larger_machines_are_tempered_from_two_sides() -> None:
    machine = small_machine(13, 10, scale=0.6)
    exact = enumerate_machine(machine).moments
    lengths = []
    for draws in (50, 1_000):
        found = distribution_of(machine, DATA, 1, draws)
        assert not found.is_exact
        for one, other, error, floor in zip(found.moments, exact, found.errors, floors_of(found, draws), strict=True):
            assert 0 < error <= 0.3 * floor
            assert np.sqrt(np.mean((one - other) ** 2)) < 4 * error
        lengths.append(len(found.visible))
    assert lengths[0] == 2 * 25 * 100 < lengths[1]


def test_a_distribution_is_a_function_of_its_seed() -> None:
    machine = small_machine(13, 10)
    first, second = (distribution_of(machine, DATA, 3, draws=10) for _ in range(2))
    np.testing.assert_array_equal(first.visible, second.visible)
