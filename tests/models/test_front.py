"""A model behind a front: what it computes, what it is fitted on, and that attacks act in front of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qaml.attacks.base import Target
from qaml.attacks.gradient.part import PGD
from qaml.data.base import TransformPart, load
from qaml.data.digits import Digits
from qaml.data.stratified import take
from qaml.data.transforms.crop import Crop
from qaml.data.transforms.flatten import Flatten
from qaml.data.transforms.grey import Grey
from qaml.data.transforms.inputs import InputTransform
from qaml.data.transforms.pad import Pad
from qaml.data.transforms.pca import PCA
from qaml.data.transforms.rescale import Rescale
from qaml.data.transforms.select_features import SelectFeatures
from qaml.data.transforms.standardise import Standardise
from qaml.data.transforms.subset import Subset
from qaml.models.base import Hooks, ModelPart, Training
from qaml.models.dense_memory.part import DenseMemory, MemoryTraining
from qaml.models.estimator.part import Estimator
from qaml.models.fnn.part import FNN
from qaml.models.front.network import Front, Layer
from qaml.models.front.part import Fronted, fronted
from qaml.models.kernel_svm.part import KernelSVM
from qaml.models.linear.part import Linear
from qaml.models.one_wire.network import OneWireClassifier
from qaml.models.qnn.part import QNN
from qaml.models.rbm.part import RBM
from qaml.models.torch_module.part import TorchModule
from qaml.testing.models import check_model
from qaml.types import Bounds, Data, InputInfo, Split
from tests.data.test_transforms import COLOURS, IMAGES, POINTS, dataset

SHORT = Training(epochs=4, batch=16, lr=0.01)
FEATURES = InputInfo((6,), ("a", "b"), Bounds(-2.0, 2.0))
ANGLES: tuple[TransformPart, ...] = (PCA(components=4), Rescale(bounds=(0.0, 3.0), beyond="keep"))
LAYERS: list[tuple[InputTransform, InputInfo]] = [
    (PCA(components=3, whiten=True), IMAGES),
    (Standardise(), IMAGES),
    (Rescale(bounds=(-1.0, 2.0)), IMAGES),
    (Rescale(beyond="keep"), POINTS),
    (Flatten(), IMAGES),
    (Crop(size=3), IMAGES),
    (Pad(size=7, value=0.3), IMAGES),
    (SelectFeatures(features=(1,)), POINTS),
    (Grey(), COLOURS),
]


@pytest.fixture(scope="module")
def digits() -> Data:
    data = load(Digits())
    return data._replace(train=take(data.train, np.arange(300)), test=take(data.test, np.arange(60)))


@pytest.mark.parametrize(("part", "info"), LAYERS, ids=lambda value: getattr(value, "kind", ""))
def test_a_layer_is_the_transform_and_its_gradient_that_of_differences(part: InputTransform, info: InputInfo) -> None:
    data = dataset(info)
    layer = Layer(part, info)
    made = layer.fit(data.train.inputs)
    np.testing.assert_array_equal(made, part.apply(data).train.inputs)
    inputs = torch.from_numpy(data.test.inputs[:5])
    np.testing.assert_allclose(layer(inputs), part.apply(data).test.inputs[:5], rtol=1e-5, atol=1e-5)
    inside = inputs.double() * 0.5 + 0.25 * (info.bounds.low + info.bounds.high)  # away from where a clip has a kink
    assert torch.autograd.gradcheck(layer.double(), inside.requires_grad_(), eps=1e-6)


@pytest.mark.parametrize(
    "part",
    [
        fronted(FNN(training=SHORT), (Standardise(), PCA(components=3))),
        fronted(QNN(layers=1, encoding="angle", training=SHORT), ANGLES),
        fronted(RBM(hidden=3, training=Training(epochs=4, batch=16, lr=0.01)), (Rescale(beyond="clip"),)),
        fronted(KernelSVM(), (Standardise(),)),
        fronted(Estimator(factory="sklearn.neighbors:KNeighborsClassifier"), (Standardise(), PCA(components=3))),
        fronted(DenseMemory(power=3, memories=20, training=MemoryTraining(epochs=4)), (Rescale(beyond="clip"),)),
        fronted(TorchModule(factory="tests.models.declared_modules:Affine", training=SHORT), (PCA(components=4),)),
    ],
    ids=lambda part: part.kind,
)
def test_models_behind_a_front_keep_what_models_promise(part: ModelPart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", "tests.models.declared_modules")
    check_model(part, FEATURES if part.kind != "torch_module" else FEATURES._replace(classes=("a", "b", "c")))


def test_a_model_behind_a_front_is_the_model_of_a_transformed_dataset(digits: Data) -> None:
    """The order of batches and the weights are the same, so only float32's rounding differs."""
    front = (PCA(components=5), Rescale(bounds=(-1.0, 1.0)))
    apart = digits
    for transform in front:
        apart = transform.apply(apart)
    plain, behind = Linear(training=SHORT), fronted(Linear(training=SHORT), front)
    one, other = plain.build(apart.info, 7), behind.build(digits.info, 7)
    plain.fit(one, apart.train, apart.info, Hooks(), 3)
    behind.fit(other, digits.train, digits.info, Hooks(), 3)
    with torch.no_grad():
        expected, found = one(torch.from_numpy(apart.test.inputs)), other(torch.from_numpy(digits.test.inputs))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert float(expected.std()) > 0.1
    assert isinstance(other, Front)
    names = set(other.state_dict())
    assert {"front.0.mean", "front.0.rows", "front.1.least", "front.1.range"} <= names
    assert not any(name.startswith("front") for name, _ in other.named_parameters()), "what is fitted is not trained"


def test_attacks_act_on_pixels_and_hooks_see_pixels(digits: Data) -> None:
    part = fronted(QNN(layers=1, encoding="angle", training=Training(epochs=1, batch=100)), ANGLES)
    assert isinstance(part, Fronted)
    two = Subset(train=200).apply(digits)
    shapes = []

    class Watching(Hooks):
        def batch(
            self, module: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor, step: int
        ) -> tuple[torch.Tensor, torch.Tensor]:
            assert isinstance(module, OneWireClassifier)
            leaf = inputs.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(module(leaf).sum(), leaf)
            shapes.append((step, tuple(gradient.shape[1:]), bool(gradient.any())))
            return inputs, labels

    info = two.info._replace(classes=("even", "odd"))
    train = Split(two.train.inputs, two.train.labels % 2, two.train.indices)
    module = part.build(info, 0)
    part.fit(module, train, info, Watching(), 0)
    assert shapes == [(0, (1, 8, 8), True), (1, (1, 8, 8), True)]
    inputs, labels = torch.from_numpy(train.inputs[:20]), torch.from_numpy(train.labels[:20])
    made = PGD(epsilon=(0.3,), steps=5).run(Target(module, info.bounds, 2), inputs, labels, 0, lambda _: None)
    assert made.adversarials.shape == (1, 20, 1, 8, 8)
    assert 0.29 < np.abs(made.adversarials[0] - train.inputs[:20]).max() <= 0.3001
    assert isinstance(module, Front)
    assert not module.classifier._forward_pre_hooks, "the front is attached in training alone"
