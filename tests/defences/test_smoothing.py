"""Spatial smoothing against scipy, its gradient, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from qaml.defences.smoothing.network import MedianFilter
from qaml.errors import PartError
from qaml.types import Bounds, InputInfo
from tests.defences.examples import defence
from tests.models.examples import GREY, blobs


def _images(channels: int, height: int, width: int) -> torch.Tensor:
    return torch.rand(4, channels, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("window", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 9), (1, 28, 28), (2, 7, 7)])
def test_it_is_scipys_median_filter(window: int, shape: tuple[int, int, int]) -> None:
    images = _images(*shape)
    expected = ndimage.median_filter(images.numpy(), size=(1, 1, window, window), mode="reflect")
    np.testing.assert_array_equal(MedianFilter(window)(images).numpy(), expected)


def test_a_lonely_pixel_disappears_and_an_edge_stays() -> None:
    image = torch.zeros(1, 1, 8, 8)
    image[..., 2, 2] = 1
    assert torch.count_nonzero(MedianFilter(3)(image)) == 0
    image = torch.zeros(1, 1, 8, 8)
    image[..., 4:] = 1
    assert torch.equal(MedianFilter(3)(image), image)


def test_the_exact_gradient_is_that_of_the_selected_pixels() -> None:
    images = _images(1, 6, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(MedianFilter(3), (images[:1].detach().requires_grad_(),), eps=1e-9, atol=1e-5)
    (gradient,) = torch.autograd.grad(MedianFilter(3)(images).sum(), images)
    # every output is one input pixel: as many gradients of one as there are outputs
    assert gradient.sum() == images.numel()
    assert torch.equal(gradient, gradient.round())


def test_straight_through_has_the_identity_as_gradient() -> None:
    wrapped = defence("spatial_smoothing", where="classifier", bpda="straight_through").wrap(torch.nn.Flatten(), GREY)
    exact = defence("spatial_smoothing", where="classifier").wrap(torch.nn.Flatten(), GREY)
    inputs = torch.tensor(blobs(GREY).inputs, requires_grad=True)
    assert torch.equal(wrapped(inputs), exact(inputs))
    (gradient,) = torch.autograd.grad(wrapped(inputs).sum(), inputs)
    assert torch.equal(gradient, torch.ones_like(inputs))


def test_windows_larger_than_the_image_and_plain_features_are_refused() -> None:
    with pytest.raises(PartError, match="window of 9×9 does not fit into images of 8×8") as error:
        defence("spatial_smoothing", window=9).check(GREY)
    assert error.value.hint == "set 'window' to at most 8"
    with pytest.raises(PartError, match=r"expects images, got inputs of shape \(2,\)"):
        defence("spatial_smoothing").check(InputInfo((2,), ("a", "b"), Bounds(0.0, 1.0)))
