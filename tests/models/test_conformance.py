"""What every model trained by gradient descent must do, beside what ``qaml.testing.models`` checks of every kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qaml.models.base import MODELS
from qaml.models.capabilities import Sketched
from qaml.types import InputInfo
from tests.models.examples import (
    COLOUR,
    EXAMPLES,
    GREY,
    ODD,
    GlobalDraws,
    Recorder,
    assert_same_weights,
    blobs,
    model,
)

ELSEWHERE = ("rbm", "qnn", "qcnn", "pennylane", "estimator", "kernel_svm")
KINDS = [kind for kind in MODELS.kinds() if kind not in ELSEWHERE]
INFOS = {"grey-8x8": GREY, "colour-8x8": COLOUR, "grey-7x7": ODD}


def _fitting(kind: str, info: InputInfo) -> dict[str, object]:
    return {"arguments": {"n_classes": info.n_classes}} if kind == "torch_module" else {}


def test_every_kind_has_an_example() -> None:
    assert set(KINDS) == set(EXAMPLES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("info", INFOS.values(), ids=INFOS)
def test_logits_and_their_gradients(kind: str, info: InputInfo) -> None:
    module = model(kind, **_fitting(kind, info)).build(info, 0).eval()
    inputs = torch.tensor(blobs(info, 5).inputs, requires_grad=True)
    logits = module(inputs)
    assert logits.shape == (5, info.n_classes)
    assert logits.dtype == torch.float32
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), inputs)
    assert gradient.isfinite().all()
    assert (gradient.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_to_be_drawn_describes_itself(kind: str) -> None:
    part = model(kind)
    assert isinstance(part.build(GREY, 0), Sketched) == part.is_sketched


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_trained(kind: str) -> None:
    module = model(kind).build(GREY, 0).train()
    torch.nn.functional.cross_entropy(module(torch.tensor(blobs(GREY).inputs)), torch.arange(49) % 3).backward()  # type: ignore[no-untyped-call]
    untouched = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert untouched == []


@pytest.mark.parametrize("kind", KINDS)
def test_training_learns_and_leaves_the_global_generators_alone(kind: str) -> None:
    part = model(kind, training={"epochs": 15, "batch": 16, "lr": 0.01})
    data = blobs(GREY)
    with GlobalDraws():
        module = part.build(GREY, 0)
        history = part.fit(module, data, GREY, Recorder(), 0)
    assert not any(layer.training for layer in module.modules())
    assert {name: len(values) for name, values in history.items()} == {"loss": 15, "accuracy": 15}
    assert history["loss"][-1] < history["loss"][0]
    accuracy = (module(torch.tensor(data.inputs)).argmax(1).numpy() == data.labels).mean()
    assert accuracy > 0.9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "optimiser", [{"optimiser": "adam"}, {"optimiser": "sgd", "momentum": 0.9}], ids=["adam", "sgd"]
)
def test_resumed_equals_uninterrupted(kind: str, optimiser: dict[str, object]) -> None:
    part = model(kind, training={"epochs": 4, "batch": 16, "lr": 0.01, "weight_decay": 1e-3, **optimiser})
    data, whole = blobs(GREY), Recorder()
    uninterrupted = part.build(GREY, 0)
    history = part.fit(uninterrupted, data, GREY, whole, 5)
    assert [checkpoint.epoch for checkpoint in whole.checkpoints] == [1, 2, 3, 4]

    resumed = part.build(GREY, 99)
    rest = Recorder(whole.checkpoints[1])
    assert part.fit(resumed, data, GREY, rest, 5) == history
    assert_same_weights(uninterrupted, resumed)
    for ours, theirs in zip(whole.checkpoints[2:], rest.checkpoints, strict=True):
        assert ours.arrays.keys() == theirs.arrays.keys()
        for name in ours.arrays:
            np.testing.assert_array_equal(ours.arrays[name], theirs.arrays[name], err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_checkpoint_is_taken_as_it_is(kind: str) -> None:
    part, data, whole = model(kind), blobs(GREY), Recorder()
    trained = part.build(GREY, 0)
    history = part.fit(trained, data, GREY, whole, 0)
    rest = Recorder(whole.checkpoints[-1])
    restored = part.build(GREY, 1)
    assert part.fit(restored, data, GREY, rest, 0) == history
    assert rest.checkpoints == []
    assert_same_weights(trained, restored)
    assert not restored.training
