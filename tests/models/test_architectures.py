"""Shapes and parameter counts of the published networks, by arithmetic."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qaml.errors import PartError
from qaml.models.convnet.part import ConvNet
from qaml.models.fnn.part import FNN
from qaml.models.huang_cnn.part import HuangCNN
from qaml.models.resnet18.part import ResNet18
from qaml.types import Bounds, InputInfo

FEATURES = InputInfo((2,), ("a", "b"), Bounds(0.0, 1.0))


def _images(channels: int, side: int, n_classes: int = 10) -> InputInfo:
    return InputInfo((channels, side, side), tuple(map(str, range(n_classes))), Bounds(0.0, 1.0))


def _n_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("channels", "side", "pooled"), [(1, 28, 3), (3, 32, 4), (1, 16, 2), (1, 8, 1), (3, 8, 1), (1, 7, 1), (1, 2, 1)]
)
def test_convnet_has_the_parameters_of_its_layers(channels: int, side: int, pooled: int) -> None:
    """Weights and biases; ``pooled`` is the side after three halvings, rounded down and at least 1."""
    convolutions = (9 * channels + 1) * 64 + (9 * 64 + 1) * 128 + (9 * 128 + 1) * 256
    dense = (256 * pooled**2 + 1) * 256 + (256 + 1) * 10
    module = ConvNet().build(_images(channels, side), 0)
    assert _n_parameters(module) == convolutions + dense
    assert module(torch.zeros(2, channels, side, side)).shape == (2, 10)


def test_convnet_is_as_large_as_west_et_al_say() -> None:
    """West et al. 2022, table I: about 10⁶ parameters on MNIST and on CIFAR."""
    assert _n_parameters(ConvNet().build(_images(1, 28), 0)) == 962_314
    assert 1_000_000 <= _n_parameters(ConvNet().build(_images(3, 32, 2), 0)) < 1_500_000


@pytest.mark.parametrize(("channels", "n_classes"), [(3, 1000), (1, 10), (3, 2)])
def test_resnet18_has_the_published_parameters(channels: int, n_classes: int) -> None:
    """11,689,512 with 3 channels and 1000 classes, the number every model zoo gives for He et al.'s ResNet18.

    The first convolution has 49 × 64 weights a channel, the last layer 513 a class.
    """
    published = 11_689_512 + (channels - 3) * 49 * 64 + (n_classes - 1000) * 513
    assert _n_parameters(ResNet18().build(_images(channels, 8, n_classes), 0)) == published


def test_resnet18_with_the_cifar_stem_has_a_smaller_first_convolution() -> None:
    published = _n_parameters(ResNet18().build(_images(3, 8), 0))
    assert _n_parameters(ResNet18(stem="cifar").build(_images(3, 8), 0)) == published - (49 - 9) * 3 * 64


def test_resnet18_has_eighteen_layers_with_weights() -> None:
    module = ResNet18(width=2).build(_images(3, 8), 0)
    convolutions = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    # the three 1×1 convolutions of shortcuts are not counted as layers (He et al. 2016, table 1)
    assert sum(layer.kernel_size != (1, 1) for layer in convolutions) + 1 == 18
    assert sum(layer.kernel_size == (1, 1) for layer in convolutions) == 3


@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [
        ("imagenet", 224, 7),
        ("imagenet", 28, 1),
        ("imagenet", 7, 1),
        ("cifar", 32, 4),
        ("cifar", 28, 4),
        ("cifar", 7, 1),
    ],
)
def test_resnet18_shrinks_images_as_published(stem: str, side: int, expected: int) -> None:
    """The ImageNet stem and stages divide the side by 32 (rounded up), the CIFAR ones by 8."""
    module = ResNet18.model_validate_json(f'{{"kind": "resnet18", "stem": "{stem}", "width": 2}}').build(
        _images(1, side), 0
    )
    last = module.get_submodule("stages")(module.get_submodule("stem")(torch.zeros(2, 1, side, side)))
    assert last.shape == (2, 16, expected, expected)


def test_resnet18_uses_running_statistics_in_evaluation() -> None:
    module = ResNet18(width=2).build(_images(1, 8), 0)
    inputs = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    module.eval()(inputs)
    assert all(torch.equal(buffer, before[name]) for name, buffer in module.named_buffers())
    module.train()(inputs)
    changed = {name for name, buffer in module.named_buffers() if not torch.equal(buffer, before[name])}
    assert changed == set(before)
    assert changed <= set(module.state_dict())


def test_fnn_has_the_parameters_of_its_layers() -> None:
    """16×16 images, two classes (Huang & Zhang 2023, section 4.1)."""
    module = FNN().build(_images(1, 16, 2), 0)
    assert _n_parameters(module) == (256 + 1) * 512 + (512 + 1) * 53 + (53 + 1) * 2
    assert [layer.p for layer in module.modules() if isinstance(layer, nn.Dropout)] == [0.2, 0.2]


def test_fnn_takes_plain_features() -> None:
    assert FNN().build(FEATURES, 0)(torch.zeros(3, 2)).shape == (3, 2)


def test_huang_cnn_has_the_parameters_of_its_layers() -> None:
    """16×16 without padding: 16 → 9 → 6 → 5 pixels a side."""
    convolutions = (64 * 1 + 1) * 64 + (16 * 64 + 1) * 128 + (4 * 128 + 1) * 64
    assert _n_parameters(HuangCNN().build(_images(1, 16, 2), 0)) == convolutions + (64 * 25 + 1) * 2
    same = HuangCNN(padding="same").build(_images(1, 16, 2), 0)
    assert _n_parameters(same) == convolutions + (64 * 256 + 1) * 2


def test_huang_cnn_padding_is_that_of_same_convolutions() -> None:
    module = HuangCNN(padding="same").build(_images(1, 9, 2), 0)
    padding, convolution = module.get_submodule("convolutions.0"), module.get_submodule("convolutions.1")
    assert isinstance(convolution, nn.Conv2d)
    inputs = torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    left, right = 3, 4  # torch's convention for a filter of 8: one more on the right
    reference = nn.functional.conv2d(
        nn.functional.pad(inputs, (left, right, left, right)), convolution.weight, convolution.bias
    )
    assert torch.equal(convolution(padding(inputs)), reference)
    assert reference.shape == (2, 64, 9, 9)


def test_the_smallest_image_without_padding() -> None:
    assert HuangCNN().build(_images(1, 12, 2), 0)(torch.zeros(1, 1, 12, 12)).shape == (1, 2)
    with pytest.raises(PartError, match="at least 12×12, got 11×11") as error:
        HuangCNN().build(_images(1, 11, 2), 0)
    assert error.value.hint == "set 'padding: same'"


@pytest.mark.parametrize("part", [ConvNet(), ResNet18(), HuangCNN()], ids=lambda part: part.kind)
def test_convolutions_refuse_plain_features(part: ConvNet | ResNet18 | HuangCNN) -> None:
    assert part.needs_images
    with pytest.raises(PartError, match=r"expects images of shape \(channels, height, width\), got .* \(2,\)"):
        part.check(FEATURES)
