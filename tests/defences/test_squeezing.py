"""Feature squeezing: levels, idempotence, and the gradient an attack meets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qaml.defences.squeezing.network import Squeezing
from qaml.types import Bounds, InputInfo
from tests.defences.examples import defence
from tests.models.examples import GREY, blobs

BOUNDS = [Bounds(0.0, 1.0), Bounds(-1.0, 1.0), Bounds(-0.4242, 2.8215)]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_levels_are_evenly_spaced_and_include_the_bounds(bits: int, bounds: Bounds) -> None:
    squeezed = Squeezing(2**bits, bounds)(torch.linspace(*bounds, 10_001))
    levels = torch.linspace(*bounds, 2**bits)
    torch.testing.assert_close(squeezed.unique(), levels, rtol=0, atol=1e-6)


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_squeezing_takes_the_nearest_level_and_is_idempotent(bits: int, bounds: Bounds) -> None:
    inputs = torch.empty(10_000).uniform_(*bounds, generator=torch.Generator().manual_seed(0))
    layer = Squeezing(2**bits, bounds)
    squeezed = layer(inputs)
    assert (squeezed - inputs).abs().max() <= (bounds.high - bounds.low) / (2**bits - 1) / 2 + 1e-6
    assert torch.equal(layer(squeezed), squeezed)


def test_one_bit_is_a_threshold_in_the_middle() -> None:
    squeezed = Squeezing(2, Bounds(0.0, 1.0))(torch.tensor([0.0, 0.49, 0.51, 1.0, 1.7, -0.2]))
    assert squeezed.tolist() == [0, 0, 1, 1, 1, 0]


def test_straight_through_has_the_identity_as_gradient() -> None:
    wrapped = defence("feature_squeezing", where="classifier").wrap(torch.nn.Flatten(), GREY)
    inputs = torch.tensor(blobs(GREY).inputs, requires_grad=True)
    weights = torch.randn(len(inputs), 64, generator=torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad((wrapped(inputs) * weights).sum(), inputs)
    assert torch.equal(gradient.flatten(1), weights)


def test_without_it_the_gradient_is_exactly_zero() -> None:
    wrapped = defence("feature_squeezing", where="classifier", bpda="exact").wrap(torch.nn.Flatten(), GREY)
    inputs = torch.tensor(blobs(GREY).inputs, requires_grad=True)
    (gradient,) = torch.autograd.grad(wrapped(inputs).sum(), inputs)
    assert torch.count_nonzero(gradient) == 0
    straight = defence("feature_squeezing", where="classifier").wrap(torch.nn.Flatten(), GREY)
    assert torch.equal(wrapped(inputs), straight(inputs))


def test_plain_features_are_squeezed_too() -> None:
    info = InputInfo((2,), ("a", "b"), Bounds(-1.0, 1.0))
    defended = defence("feature_squeezing", bits=1).defend_inputs(np.array([[-0.3, 0.4]], np.float32), info)
    np.testing.assert_array_equal(defended, [[-1.0, 1.0]])
