"""Random resizing and padding against interpolation by the book, its draws, its gradient."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from qaml.defences.resizing.network import Resizing, _placed
from qaml.errors import PartError
from qaml.types import Bounds, InputInfo
from tests.defences.examples import defence


def _images(n: int = 64, channels: int = 1, height: int = 9, width: int = 12) -> Tensor:
    """Images without a background pixel, so that the frame shows."""
    return 0.5 + 0.5 * torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(0))


def _frame(image: Tensor, background: float) -> tuple[int, int, int, int]:
    """Top, left, height and width of what is not background."""
    rows, columns = torch.nonzero((image != background).any(0), as_tuple=True)
    top, left = int(rows.min()), int(columns.min())
    return top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1


@pytest.mark.parametrize("background", [0.0, -1.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_interpolated_and_padded(channels: int, background: float) -> None:
    images = _images(channels=channels)
    shrunk = Resizing(0.5, background)(images)
    assert shrunk.shape == images.shape
    for image, result in zip(images, shrunk, strict=True):
        top, left, height, width = _frame(result, background)
        resized = nn.functional.interpolate(image[None], (height, width), mode="bilinear", align_corners=False)[0]
        expected = torch.full_like(image, background)
        expected[:, top : top + height, left : left + width] = resized
        torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


def test_every_size_and_every_place_is_drawn() -> None:
    """Sides of 5 … 9 pixels of 9 (at least half), each equally likely, at every place that they fit."""
    shrunk = Resizing(0.5, 0.0)(_images(3000, 1, 9, 9))
    frames = [_frame(image, 0.0) for image in shrunk]
    assert all(height == width for _, _, height, width in frames)
    counts = [sum(height == size for _, _, height, _ in frames) for size in range(5, 10)]
    assert sum(counts) == 3000
    # binomial, p = 1/5: five standard deviations are 110
    assert all(abs(count - 600) < 110 for count in counts)
    assert {(top, left) for top, left, height, _ in frames if height == 7} == {
        (top, left) for top in range(3) for left in range(3)
    }


def test_extreme_draws_stay_inside() -> None:
    almost_one = torch.tensor([1 - 2**-53], dtype=torch.float64)
    for length in (7, 8, 28, 224):
        zero = torch.zeros(1, dtype=torch.float64)
        for share in (zero, almost_one):
            for place in (zero, almost_one):
                pixels = (_placed(length, 0.8, share, place)[0] + 1) * length / 2
                assert ((pixels >= 0) & (pixels <= length)).sum() >= 0.8 * length - 1e-9


def test_nothing_to_draw_changes_nothing() -> None:
    images = _images()
    torch.testing.assert_close(Resizing(1.0, 0.0)(images), images, rtol=1e-5, atol=1e-6)


def test_draws_follow_the_seed_and_differ_between_images_and_passes() -> None:
    layer, images = Resizing(0.5, 0.0), _images(1).expand(16, -1, -1, -1)
    layer.reseed(3)
    sequence = torch.stack([layer(images) for _ in range(3)])
    assert len({image.numpy().tobytes() for image in sequence.flatten(0, 1)}) > 24
    layer.reseed(3)
    assert torch.equal(torch.stack([layer(images) for _ in range(3)]), sequence)
    layer.reseed(4)
    assert not torch.equal(layer(images), sequence[0])


def test_a_copy_draws_on_from_where_it_was_copied() -> None:
    layer, images = Resizing(0.5, 0.0), _images()
    layer(images)
    assert torch.equal(copy.deepcopy(layer)(images), layer(images))


def test_it_is_differentiable() -> None:
    images = _images(2, 1, 4, 5).double().requires_grad_()

    def shrunk(inputs: Tensor) -> Tensor:
        layer = Resizing(0.5, 0.0)
        layer.reseed(1)
        output: Tensor = layer(inputs)
        return output

    assert torch.autograd.gradcheck(shrunk, (images,))


def test_plain_features_are_refused() -> None:
    with pytest.raises(PartError, match="'random_resizing' expects images"):
        defence("random_resizing").check(InputInfo((2,), ("a", "b"), Bounds(0.0, 1.0)))
