"""The variational classifier: what it refuses, when it collapses, and what its exact forms say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from qaml.errors import DataError, PartError
from qaml.models.base import Training
from qaml.models.qvc.network import NoisyClassifier, VariationalClassifier
from qaml.models.qvc.part import QVC
from qaml.quantum.channels import AmplitudeDamping, GlobalDepolarising
from qaml.quantum.statevector.network import layered_expectations
from qaml.testing.material import Recorder, blobs
from qaml.types import Bounds, InputInfo, Split

SMALL = InputInfo((1, 4, 4), ("a", "b", "c"), Bounds(0.0, 1.0))


def _module(layers: int = 8, seed: int = 0, **fields: Any) -> VariationalClassifier:
    module = QVC(layers=layers, **fields).build(SMALL, seed)
    assert isinstance(module, VariationalClassifier)
    return module.eval()


def _inputs(n: int = 5) -> torch.Tensor:
    return torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(1))


def _is_collapsed(module: VariationalClassifier) -> bool:
    return module._fixed is not None and module._fixed.collapsed is not None


def _exact(module: VariationalClassifier, inputs: torch.Tensor) -> torch.Tensor:
    flat = inputs.double().flatten(1)
    amplitudes = flat / flat.norm(dim=1, keepdim=True)
    return module.logit_scale * layered_expectations(amplitudes, module.angles.detach().double(), module.n_classes)


def test_the_published_sizes_have_the_published_numbers_of_parameters() -> None:
    grey = InputInfo((1, 28, 28), tuple("0123456789"), Bounds(0.0, 1.0))
    colour = InputInfo((3, 32, 32), ("ship", "truck"), Bounds(0.0, 1.0))
    counts = {
        (QVC(layers=layers).n_wires(info), sum(p.numel() for p in QVC(layers=layers).build(info, 0).parameters()))
        for info, layers in ((grey, 200), (grey, 500), (grey, 1000), (colour, 200), (colour, 500))
    }
    assert counts == {(10, 6_000), (10, 15_000), (10, 30_000), (12, 7_200), (12, 18_000)}


def test_every_class_has_a_wire() -> None:
    assert QVC().n_wires(InputInfo((64,), tuple("0123456789"), Bounds(0.0, 1.0))) == 10


@pytest.mark.parametrize(
    ("shape", "n_classes", "wires", "message", "hint"),
    [
        ((3, 64, 64), 2, None, "inputs have 12,288 features, 12 wires encode at most 4,096", "downscale the inputs"),
        ((1, 8, 8), 2, 5, "inputs have 64 features, 5 wires encode at most 32", "give it 6 wires"),
        ((16,), 5, 4, "5 classes need a wire each, got 4", "give it more wires (at most 12), or select fewer classes"),
        (
            (16,),
            13,
            None,
            "13 classes need a wire each, got 12",
            "give it more wires (at most 12), or select fewer classes",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    shape: tuple[int, ...], n_classes: int, wires: int | None, message: str, hint: str
) -> None:
    info = InputInfo(shape, tuple(map(str, range(n_classes))), Bounds(0.0, 1.0))
    with pytest.raises(PartError) as caught:
        QVC(wires=wires).check(info)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_training_refuses_images_without_a_direction() -> None:
    data = blobs(SMALL)
    inputs = data.inputs.copy()
    inputs[[3, 7]] = 0
    part = QVC(layers=2)
    module = part.build(SMALL, 0)
    with pytest.raises(DataError, match=r"2 training inputs are zero everywhere \(the first is number 3\)"):
        part.fit(module, Split(inputs, data.labels, data.indices), SMALL, Recorder(), 0)


def test_constant_images_are_a_state_and_zero_ones_get_logits_of_zero() -> None:
    module = _module()
    constant = module(torch.full((1, 1, 4, 4), 0.5))
    torch.testing.assert_close(constant, module(torch.ones(1, 1, 4, 4)), atol=1e-6, rtol=0)
    zero = torch.zeros(1, 1, 4, 4, requires_grad=True)
    logits = module(zero)
    (gradient,) = torch.autograd.grad(logits.sum(), zero)
    assert not logits.any()
    assert not gradient.any()


@pytest.mark.parametrize("layers", [1, 8])
def test_logits_depend_on_the_direction_alone(layers: int) -> None:
    module, inputs = _module(layers, logit_scale=3.0), _inputs()
    logits = module(inputs)
    torch.testing.assert_close(logits.double(), _exact(module, inputs), atol=1e-5, rtol=0)
    torch.testing.assert_close(module(-inputs), logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(module(0.1 * inputs), logits, atol=1e-5, rtol=0)


def test_it_collapses_once_as_many_inputs_have_come_as_a_collapse_costs() -> None:
    module = _module(layers=40)
    module.requires_grad_(False)
    inputs = _inputs(10)
    first = module(inputs)
    assert not _is_collapsed(module)
    second = module(inputs)
    assert _is_collapsed(module)
    torch.testing.assert_close(first, second, atol=1e-5, rtol=0)


def test_few_layers_never_collapse() -> None:
    module = _module(layers=1)
    module.requires_grad_(False)
    module(_inputs(100))
    assert not _is_collapsed(module)


def test_gradients_of_inputs_are_the_same_collapsed_or_not() -> None:
    module = _module(layers=40)
    module.requires_grad_(False)
    inputs = _inputs(10).requires_grad_()
    gradients = [torch.autograd.grad(module(inputs)[:, 1].sum(), inputs)[0] for _ in range(2)]
    assert _is_collapsed(module)
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("change", ["optimiser", "load", "in place", "double"])
def test_a_change_of_the_angles_undoes_the_collapse(change: str) -> None:
    module = _module(layers=40)
    inputs = _inputs(40)
    with torch.no_grad():
        for _ in range(2):
            module(inputs)
    assert _is_collapsed(module)
    if change == "optimiser":
        optimiser = torch.optim.Adam(module.parameters(), lr=0.1, fused=True)
        module(inputs).square().sum().backward()
        optimiser.step()
    elif change == "load":
        module.load_state_dict(_module(layers=40, seed=1).state_dict())
    elif change == "in place":
        with torch.no_grad():
            module.angles.add_(0.1)
    else:
        module.double()
        inputs = inputs.double()
    with torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(module(inputs).double(), _exact(module, inputs), atol=1e-5, rtol=0)


def test_in_double_precision_everything_is_double() -> None:
    module = _module(layers=40).double().requires_grad_(False)
    inputs = _inputs(20).double()
    for _ in range(2):
        torch.testing.assert_close(module(inputs), _exact(module, inputs), atol=1e-12, rtol=0)


def test_observables_give_the_expectation_values() -> None:
    module, inputs = _module(logit_scale=2.0), _inputs().double()
    flat = inputs.flatten(1) / inputs.flatten(1).norm(dim=1, keepdim=True)
    forms = torch.einsum("bi,kij,bj->bk", flat, module.observables(), flat)
    torch.testing.assert_close(2 * forms, _exact(module, inputs), atol=1e-12, rtol=0)


def test_global_depolarising_scales_every_expectation_value() -> None:
    part, module, inputs = QVC(layers=8), _module(layers=8), _inputs()
    noisy = part.noisy(module, (GlobalDepolarising(probability=0.1),))
    assert isinstance(noisy, NoisyClassifier)
    torch.testing.assert_close(noisy(inputs), 0.9**8 * _exact(module, inputs), atol=1e-10, rtol=0)


def test_noise_is_attacked_through_its_exact_gradient() -> None:
    noisy = QVC(layers=8).noisy(_module(layers=8), (AmplitudeDamping(gamma=0.1),))
    inputs = _inputs(2).double().requires_grad_()
    assert torch.autograd.gradcheck(noisy, (inputs,))


def test_smaller_margins_need_more_shots() -> None:
    module, inputs = _module(layers=8), _inputs(20)
    noisy = QVC(layers=8).noisy(module, (GlobalDepolarising(probability=0.2),))
    assert isinstance(noisy, NoisyClassifier)
    assert (noisy.shots_needed(inputs) > module.shots_needed(inputs)).all()
    assert np.isfinite(module.shots_needed(inputs)).all()


def test_it_learns_what_a_quadratic_form_can() -> None:
    part = QVC(layers=6, logit_scale=10.0, training=Training(lr=0.05, epochs=15, batch=16))
    data = blobs(SMALL)
    module = part.build(SMALL, 0)
    history = part.fit(module, data, SMALL, Recorder(), 0)
    assert history["accuracy"][-1] > 0.9
