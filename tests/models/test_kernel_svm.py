"""Kernel machines against scikit-learn's values, finite differences, and what closed forms say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from qaml.attacks.exact_l2.projection import exact_distances, has_exact_distances
from qaml.errors import RunError
from qaml.models.base import Hooks
from qaml.models.kernel_svm import network
from qaml.models.kernel_svm.part import KernelSVM
from qaml.testing.material import FEATURES, IMAGES, blobs
from qaml.testing.models import check_model
from qaml.types import InputInfo, Split

KERNELS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "rbf"}, {"kernel": "rbf"}),
    ({"kind": "rbf", "gamma": 0.3}, {"kernel": "rbf", "gamma": 0.3}),
    ({"kind": "linear"}, {"kernel": "linear"}),
    ({"kind": "polynomial", "degree": 2, "coefficient": 1.0}, {"kernel": "poly", "degree": 2, "coef0": 1.0}),
]


FIDELITY = {"kind": "fidelity", "layers": [{"encode": "zz", "repeat": 2, "pairs": "chain"}]}


def part(kernel: dict[str, Any], **fields: Any) -> KernelSVM:
    return KernelSVM.model_validate_json(json.dumps({"kind": "kernel_svm", "kernel": kernel, **fields}))


def trained(model: KernelSVM, info: InputInfo, data: Split | None = None) -> Any:
    module = model.build(info, 0)
    model.fit(module, _noisy(info) if data is None else data, info, Hooks(), 0)
    return module


def _noisy(info: InputInfo) -> Split:
    """Classes that overlap, so that margins are violated."""
    data, rng = blobs(info), np.random.default_rng(5)
    inputs = data.inputs + rng.normal(0, 0.4, data.inputs.shape).astype(np.float32)
    return Split(inputs.clip(*info.bounds), data.labels, data.indices)


@pytest.mark.parametrize("info", [IMAGES, FEATURES], ids=["three-classes", "two-classes"])
@pytest.mark.parametrize(("kernel", "theirs"), KERNELS, ids=["scale", "rbf", "linear", "polynomial"])
def test_values_are_scikit_learns(kernel: dict[str, Any], theirs: dict[str, Any], info: InputInfo) -> None:
    data = _noisy(info)
    flat = data.inputs.reshape(49, -1).astype(np.float64)
    machine = SVC(C=2.0, **theirs)
    reference = OneVsRestClassifier(machine) if info.n_classes > 2 else machine
    points = np.random.default_rng(0).uniform(*info.bounds, (30, *info.shape)).astype(np.float32)
    expected = reference.fit(flat, data.labels).decision_function(points.reshape(30, -1).astype(np.float64))
    logits = trained(part(kernel, c=2.0), info)(torch.from_numpy(points).double()).numpy()
    np.testing.assert_allclose(logits if info.n_classes > 2 else logits[:, 1] - logits[:, 0], expected, atol=2e-3)
    assert logits.shape == (30, info.n_classes)


@pytest.mark.parametrize(("kernel", "_"), KERNELS, ids=["scale", "rbf", "linear", "polynomial"])
def test_gradients_are_those_of_finite_differences(kernel: dict[str, Any], _: object) -> None:
    module = trained(part(kernel), FEATURES)
    points = torch.from_numpy(_noisy(FEATURES).inputs[:4]).double().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: module(x), (points,), eps=1e-6, atol=1e-6)


def test_a_fidelity_kernel_has_gradients_in_its_inputs() -> None:
    module = trained(part(FIDELITY), FEATURES)
    points = torch.from_numpy(_noisy(FEATURES).inputs[:2]).double().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: module(x), (points,), eps=1e-6, atol=1e-6)


def test_a_linear_machine_is_affine_and_has_exact_distances() -> None:
    model = part({"kind": "linear"})
    module = trained(model, IMAGES)
    inputs = torch.from_numpy(_noisy(IMAGES).inputs)
    weights, biases = module.affine_map()
    torch.testing.assert_close(module(inputs.double()), inputs.flatten(1).double() @ weights.T + biases)
    assert model.has_exact_distances
    assert np.isfinite(exact_distances(module, inputs, module(inputs).argmax(1)).norms).all()
    assert not has_exact_distances(trained(part({"kind": "rbf"}), IMAGES))
    two, features = trained(model, FEATURES), torch.from_numpy(_noisy(FEATURES).inputs).double()
    torch.testing.assert_close(two(features), features @ two.affine_map()[0].T + two.affine_map()[1])


def test_it_holds_to_what_every_model_does_and_keeps_double_precision() -> None:
    model = part({"kind": "rbf"})
    check_model(model, IMAGES)
    module = trained(model, IMAGES)
    inputs = torch.from_numpy(blobs(IMAGES).inputs)
    before = module(inputs)
    assert torch.equal(module.double().float()(inputs), before)
    assert module.support.dtype == torch.float64


@pytest.mark.parametrize("present", [[0, 2], [1]])
def test_classes_that_training_lacks_are_never_the_answer(present: list[int]) -> None:
    data = blobs(IMAGES)
    some = np.isin(data.labels, present)
    module = trained(part({"kind": "rbf"}), IMAGES, Split(data.inputs[some], data.labels[some], data.indices[some]))
    logits = module(torch.from_numpy(data.inputs))
    assert logits.isfinite().all()
    assert set(logits.argmax(1).tolist()) == set(present)


def test_too_many_examples_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "MOST", 40)
    with pytest.raises(RunError, match="at most 40 training examples for a kernel machine, got 49") as error:
        trained(part({"kind": "rbf"}), IMAGES)
    assert "'subset'" in error.value.hint
