"""Quanvolutions agree with a QNode that is asked patch by patch, and keep what is not trained."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pennylane as qml
import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear, unfold

from qaml.models.quanvolution.network import QuanvolutionalNetwork
from qaml.models.quanvolution.part import Quanvolution
from qaml.plan.canonical import canonical
from qaml.plan.classifier import nested
from qaml.types import Bounds, InputInfo
from tests.models.circuit.examples import node, stacked, z
from tests.models.examples import GREY, Recorder, blobs
from tests.quantum.circuits import assert_same, gradients

ODD = InputInfo((2, 5, 6), ("a", "b", "c"), Bounds(0.0, 1.0))
DEMO = [
    {"encode": "angle", "axis": "y", "scale": 3.141592653589793},
    {"repeat": 2, "block": [{"rot": "all"}, {"cnot": "ring"}]},
]
TURNS = [{"encode": "amplitude"}, {"ry": "all"}, {"cz": "chain"}]


def part_of(**fields: Any) -> Quanvolution:
    return Quanvolution.model_validate_json(json.dumps({"kind": "quanvolution", **fields}))


def module_of(info: InputInfo, seed: int = 0, **fields: Any) -> QuanvolutionalNetwork:
    module = part_of(**fields).build(info, seed)
    assert isinstance(module, QuanvolutionalNetwork)
    return module


def images_of(info: InputInfo, n: int = 2) -> Tensor:
    return torch.rand(n, *info.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def demo(patch: Tensor, angles: Tensor) -> list[Tensor]:
    """Four values of a patch (2, 2): PennyLane's demonstration, with two layers in place of random gates."""

    def circuit() -> Any:
        for wire, pixel in enumerate(patch.flatten()):
            qml.RY(torch.pi * pixel, wires=wire)
        for layer in angles.reshape(2, 4, 3):
            for wire in range(4):
                qml.Rot(*layer[wire], wires=wire)
            for wire in range(4):
                qml.CNOT([wire, (wire + 1) % 4])
        return [z(wire) for wire in range(4)]

    return list(node(4, circuit)())


def shares(patch: Tensor, angles: Tensor) -> list[Tensor]:
    """Eight probabilities of a patch of six pixels, amplitudes."""

    def circuit() -> Any:
        qml.AmplitudeEmbedding(patch.flatten(), wires=range(3), normalize=True, pad_with=0.0)
        for wire in range(3):
            qml.RY(angles[wire], wires=wire)
        for pair in ([0, 1], [1, 2]):
            qml.CZ(pair)
        return qml.probs(wires=range(3))

    return list(node(3, circuit)())


def maps(images: Tensor, kernel: tuple[int, int], stride: tuple[int, int], values: Any) -> Tensor:
    """Values patch by patch: (batch, values, down, across)."""
    (height, width), places = images.shape[2:], [range(0, 1)] * 2
    places = [range(0, side - k + 1, s) for side, k, s in zip((height, width), kernel, stride, strict=True)]
    found = [
        stacked(values(image[:, top : top + kernel[0], left : left + kernel[1]]))
        for image, top, left in product(images, *places)
    ]
    return torch.stack(found).reshape(len(images), len(places[0]), len(places[1]), -1).permute(0, 3, 1, 2)


def test_values_and_gradients() -> None:
    """Pixels, angles of two filters, and the weights of the network behind."""
    info = InputInfo((1, 5, 4), ("a", "b", "c"), Bounds(0.0, 1.0))
    module: Any = module_of(info, layers=DEMO, kernel=2, stride=[3, 2], filters=2, trained=True).double()
    images, behind = images_of(info).requires_grad_(), module.classifier.output
    filters = module.patches.circuits
    arrays = [images, *(each.angles for each in filters), behind.weight, behind.bias]
    theirs = torch.cat([maps(images, (2, 2), (3, 2), lambda p, e=e: demo(p, e.angles)) for e in filters], 1)
    ours, logits = module(images), linear(theirs.flatten(1), behind.weight, behind.bias)
    assert_same(ours, logits)
    assert_same(gradients(ours, arrays), gradients(logits, arrays))


def test_the_kernel_in_single_precision() -> None:
    module: Any = module_of(GREY, layers=DEMO, stride=1, trained=True)
    images = images_of(GREY, 20)

    def found(inputs: Tensor) -> list[Tensor]:
        inputs.requires_grad_()
        return gradients(module(inputs), [inputs, module.patches.circuits[0].angles, module.classifier.output.weight])

    single = found(images.float())
    module.double()
    for own, other in zip(single, found(images), strict=True):
        assert (own - other).abs().max() <= 3e-5 * other.abs().max()


@pytest.mark.parametrize("depthwise", [False, True])
def test_channels_and_probabilities(depthwise: bool) -> None:
    """A patch holds both channels, or each channel has patches of its own; a black patch has no state, and zeros."""
    kernel = (2, 3) if depthwise else (1, 3)
    module: Any = module_of(
        ODD, layers=TURNS, wires=3, kernel=kernel, stride=1, depthwise=depthwise, readout={"probabilities": "all"}
    )
    images = images_of(ODD)
    angles, leaf = module.double().patches.circuits[0].angles, images[:1].clone().requires_grad_()
    shown = [leaf[:, i : i + 1] for i in range(2)] if depthwise else [leaf]
    theirs = torch.cat([maps(each, kernel, (1, 1), lambda patch: shares(patch, angles)) for each in shown], 1)
    ours = module.patches(leaf)
    assert_same(ours, theirs)
    assert ours.shape == (1, 16 if depthwise else 8, 4 if depthwise else 5, 4)
    assert_same(gradients(ours, [leaf]), gradients(theirs, [leaf]))
    images[:, :, :3] = 0
    black = module.patches(images.requires_grad_())
    assert black[:, :, 0].abs().sum() == 0
    assert black[:, :, 3].abs().sum() > 0
    assert gradients(black, [images])[0].isfinite().all()


def test_channels_are_averaged_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = [*DEMO, {"noise": [{"kind": "depolarising", "probability": 0.1}]}]
    module: Any = module_of(GREY, layers=noisy, trained=True).double()
    images, circuit = images_of(GREY).requires_grad_(), module.patches.circuits[0]
    plain = circuit.values(unfold(images, 2, stride=2).transpose(1, 2).flatten(0, 1))
    plain = plain.reshape(2, 16, 4).transpose(1, 2).reshape(2, 4, 4, 4)
    monkeypatch.setattr("qaml.models.quanvolution.network.MOST_ENTRIES", 3 * 4**4)
    ours = module.patches(images)
    assert_same(ours, plain)
    assert_same(gradients(ours, [images, circuit.angles]), gradients(plain, [images, circuit.angles]))


def test_what_is_not_trained_stays_and_is_kept() -> None:
    part = part_of(layers=DEMO, training={"epochs": 1, "batch": 16, "lr": 0.1})
    module, other = part.build(GREY, 0), part.build(GREY, 1)
    drawn = module.state_dict()["patches.circuits.0.angles"].clone()
    assert not torch.equal(drawn, other.state_dict()["patches.circuits.0.angles"])
    assert set(dict(module.named_parameters())) == {"classifier.output.weight", "classifier.output.bias"}
    part.fit(module, blobs(GREY), GREY, Recorder(), 0)
    assert torch.equal(module.state_dict()["patches.circuits.0.angles"], drawn)
    trained = part.model_copy(update={"trained": True}).build(GREY, 5)
    trained.load_state_dict(module.state_dict())
    images = images_of(GREY).float().requires_grad_()
    assert torch.equal(gradients(module(images), [images])[0], gradients(trained.eval()(images), [images])[0])


def test_a_seed_of_its_own_is_that_of_every_run() -> None:
    part = part_of(layers=DEMO, filters=2, seed=7)
    one, other = (part.build(GREY, seed).state_dict() for seed in range(2))
    for number in range(2):
        name = f"patches.circuits.{number}.angles"
        assert torch.equal(one[name], other[name])
    assert not torch.equal(one["patches.circuits.0.angles"], one["patches.circuits.1.angles"])
    assert not torch.equal(one["classifier.output.weight"], other["classifier.output.weight"])


def test_quanvolutions_follow_each_other_before_a_network_that_draws() -> None:
    """Patches of values, and a network with dropout behind them."""
    inner = {"kind": "quanvolution", "layers": TURNS, "classifier": {"kind": "fnn", "hidden": [8, 8]}}
    module: Any = module_of(GREY, layers=DEMO, classifier=inner)
    assert module.eval()(images_of(GREY).float()).shape == (2, 3)


def test_the_key_has_the_network_behind_without_settings_of_a_training() -> None:
    part = part_of(layers=TURNS, classifier={"kind": "fnn", "hidden": [8, 9]})
    behind = json.loads(canonical(part))["classifier"]
    assert behind == {"kind": "fnn", "hidden": [8, 9], "dropout": 0.2}
    assert [each.kind for each in nested(part)] == ["fnn"]


def test_the_drawing_is_that_of_a_patch() -> None:
    sketch = module_of(ODD, layers=TURNS, kernel=[1, 2], stride=1, filters=2, readout={"parity": "all"}).sketch()
    assert (sketch.patch, sketch.n_filters) == ((2, 1, 2), 2)
    assert sketch.circuit.n_wires == 2
    assert sketch.measured.groups == ((0, 1),)
    assert not sketch.measured.has_head
