"""What a user declares of a module: believed where it holds, found where it does not, absent from old keys."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from qaml.attacks.exact_l2.projection import exact_distances, has_exact_distances
from qaml.errors import PartError
from qaml.models.base import Hooks
from qaml.models.declared import check_affine, check_quadratic
from qaml.models.torch_module.part import TorchModule
from qaml.plan.canonical import canonical
from qaml.run.exact import exact_norms_in_box
from qaml.testing.material import blobs
from qaml.testing.models import check_model
from qaml.types import Bounds, InputInfo
from tests.models import declared_modules

INFO = InputInfo((4,), ("a", "b", "c"), Bounds(0.0, 1.0))
IMAGES = InputInfo((3, 8, 8), ("a", "b", "c"), Bounds(0.0, 1.0))


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", declared_modules.__name__)


def part(name: str, **fields: Any) -> TorchModule:
    written = {"kind": "torch_module", "factory": f"{declared_modules.__name__}:{name}", **fields}
    return TorchModule.model_validate_json(json.dumps(written))


def test_fields_at_their_defaults_are_not_in_keys() -> None:
    known = {"kind", "training", "factory", "arguments", "weights", "fine_tune"}
    assert json.loads(canonical(part("Affine"))).keys() == known
    told = json.loads(canonical(part("Affine", gradients=False, layout="hwc", linear=True, training="none")))
    assert told.keys() == known | {"gradients", "layout", "linear"}
    assert told["training"] == "none"


def test_arguments_are_plain_data_and_the_factorys_own() -> None:
    given = {"centres": [[0.1], [0.5], [0.9]], "named": {"deep": [1, [True, None, "x"]]}}
    model = part("Told", arguments=given)
    module: Any = model.build(INFO, 0)
    assert module.get_submodule("").arguments == given
    module.get_submodule("").arguments["centres"].clear()
    assert model.arguments == given


def test_without_training_a_module_is_used_as_it_was_made() -> None:
    model = part("Told", training="none")
    assert model.is_trained
    check_model(model, INFO)
    trained = part("Told", training={"epochs": 1})
    assert not trained.is_trained
    with pytest.warns(UserWarning, match=r"has no weights to train .* 'training: none' says so"):
        assert trained.fit(trained.build(INFO, 0), blobs(INFO), INFO, Hooks(), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(model.build(INFO, 0), blobs(INFO), INFO, Hooks(), 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"training": "never"}, "training"),
        ({"training": {"epochs": 0}}, "epochs"),
        ({"linear": True, "observables": True}, "not both"),
        ({"weights": "net.pt"}, "expected a safetensors file, got 'net.pt'"),
        ({"weights": {"path": "net.PTH"}}, "expected a safetensors file, got 'net.PTH'"),
        ({"weights": "net.safetensors"}, "expected a mapping with path and sha256, got 'net.safetensors'"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        part("Affine", **fields)


def test_images_with_channels_last() -> None:
    module: Any = part("ChannelsLast", layout="hwc").build(IMAGES, 0)
    images = torch.rand(5, *IMAGES.shape, requires_grad=True)
    logits = module(images)
    torch.testing.assert_close(logits, module.get_submodule("mix")(images.mean((2, 3))))
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), images)
    assert gradient.shape == images.shape
    with pytest.raises(PartError, match="'layout: hwc' needs images"):
        part("ChannelsLast", layout="hwc").check(INFO)


def test_inputs_of_any_sign_and_without_limits_are_tried_and_never_zeros() -> None:
    part("Cone").build(INFO, 0)
    part("Cone").build(INFO._replace(bounds=Bounds(0.0, np.inf)), 0)
    part("Cone").build(InputInfo((4,), ("a", "b", "c"), Bounds(-1.0, 1.0), is_state=True), 0)


def test_a_module_in_double_precision_has_right_gradients() -> None:
    module: Any = part("Affine").build(INFO, 0)
    inputs = torch.rand(6, 4, requires_grad=True)
    logits = module(inputs)
    assert logits.dtype == torch.float32
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), inputs)
    own = module.get_parameter("two.weight")[1] @ module.get_parameter("one.weight")
    torch.testing.assert_close(gradient, own.float().expand(6, 4))


def test_declared_linear_logits_are_measured_and_give_exact_distances() -> None:
    model = part("Affine", linear=True)
    module: Any = model.build(INFO, 0).eval()
    assert (model.has_exact_distances, has_exact_distances(module)) == (True, True)
    weights, biases = module.affine_map()
    inner = module.get_submodule("")
    torch.testing.assert_close(weights, inner.two.weight @ inner.one.weight)
    torch.testing.assert_close(biases, inner.two.weight @ inner.one.bias + inner.two.bias)
    assert not has_exact_distances(part("Affine").build(INFO, 0))

    inputs = torch.from_numpy(blobs(INFO, 20).inputs)
    labels = module(inputs).argmax(1)
    norms = exact_distances(module, inputs, labels).norms
    flat, rivals = inputs.double(), [[j for j in range(3) if j != y] for y in labels.tolist()]
    expected = [
        min(
            float((x @ (weights[y] - weights[j]) + biases[y] - biases[j]) / (weights[y] - weights[j]).norm())
            for j in js
        )
        for x, y, js in zip(flat, labels.tolist(), rivals, strict=True)
    ]
    np.testing.assert_allclose(norms, expected, rtol=1e-6)
    assert exact_norms_in_box(module, inputs, labels, INFO.bounds, "linf") is not None


@pytest.mark.parametrize("kink", [0.02, 1.0])
def test_false_declarations_of_linear_logits_are_found(kink: float) -> None:
    module: Any = part("Affine", linear=True, arguments={"kink": kink}).build(INFO, 0).eval()
    with pytest.raises(PartError, match=r"'linear: true' does not hold: logit . of a point is"):
        module.affine_map()


def test_a_kink_that_random_points_miss_is_found_where_distances_are_computed() -> None:
    """The module bends between an input and its nearest boundary only."""
    module: Any = part("Affine", linear=True).build(INFO, 0).eval()
    weights, biases = module.affine_map()
    bent = torch.full((1, 4), 0.987)

    class Bent(torch.nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = module(inputs) + ((inputs - bent).norm(dim=1, keepdim=True) < 1e-3)
            return logits

    check_affine(Bent(), weights, biases, torch.rand(64, 4))
    with pytest.raises(PartError, match="linear: true"):
        check_affine(Bent(), weights, biases, torch.cat([torch.rand(3, 4), bent]))


def test_declared_observables_are_verified() -> None:
    model = part("Cone", observables=True, training="none")
    module: Any = model.build(INFO, 0).eval()
    inputs = torch.from_numpy(blobs(INFO, 12).inputs)
    labels = module(inputs).argmax(1)
    assert np.isfinite(exact_distances(module, inputs, labels).norms).any()

    wrong: Any = part("Cone", observables=True, arguments={"wrong": True}).build(INFO, 0).eval()
    with pytest.raises(PartError, match="'observables: true' does not hold"):
        exact_distances(wrong, inputs, labels)
    with pytest.raises(PartError, match="opposite signs"):
        check_quadratic(module, -module.observables(), inputs)
    with pytest.raises(PartError, match="not symmetric"):
        check_quadratic(module, module.observables().triu(), inputs)
    with pytest.raises(PartError, match="has no method 'observables"):
        part("Affine", observables=True).build(INFO, 0)


def test_a_module_may_have_no_gradients() -> None:
    model = part("Steps", gradients=False, training="none")
    assert not model.has_gradients
    check_model(model, INFO)
