"""A QNode of the user's: its logits and gradients are PennyLane's on every device, and mistakes are named."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from qaml.errors import PartError
from qaml.models.qnode.part import PennyLane
from qaml.types import Bounds, InputInfo
from tests.models import user_qnodes
from tests.models.examples import GREY, Recorder, assert_same_weights, blobs

QNODES = "tests.models.user_qnodes"
TWO = GREY._replace(classes=("a", "b"))
DEVICES: tuple[dict[str, Any], ...] = (
    {},
    {"device": "default.qubit", "diff_method": "parameter-shift"},
    {"device": "lightning.qubit"},
    {"device": "lightning.qubit", "batched": False},
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As in a step: several threads of torch wait for each other while a device works."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def part(name: str, **fields: Any) -> PennyLane:
    written = {"kind": "pennylane", "factory": f"{QNODES}:{name}", **fields}
    return PennyLane.model_validate_json(json.dumps(written))


def inputs(info: InputInfo = GREY, n: int = 3) -> Tensor:
    return torch.rand((n, *info.shape), generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def answers(module: torch.nn.Module, points: Tensor) -> tuple[Tensor, Tensor]:
    """Logits, and the gradient of a weighted sum of them."""
    leaf = points.clone().requires_grad_(True)
    logits = module(leaf)
    weighted = (logits * torch.arange(1.0, logits.shape[1] + 1, dtype=logits.dtype)).sum()
    return logits.detach(), torch.autograd.grad(weighted, leaf)[0]


@pytest.mark.parametrize("fields", DEVICES, ids=lambda fields: "-".join(map(str, fields.values())) or "own")
def test_logits_and_gradients_are_the_qnodes(fields: dict[str, Any]) -> None:
    module = part("angles", logit_scale=2.0, **fields).build(GREY, 0).double()
    circuit, _ = user_qnodes.angles()
    weights = module.state_dict()["weights"]

    def plain(points: Tensor) -> Tensor:
        return 2 * torch.stack([torch.stack(tuple(circuit(row.flatten(), weights))) for row in points])

    logits, gradient = answers(module, inputs())
    expected, slope = answers(plain, inputs())  # type: ignore[arg-type]
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(gradient, slope, rtol=0, atol=1e-6 if "lightning.qubit" in fields.values() else 1e-10)


def test_one_value_and_probabilities_become_logarithms() -> None:
    one = part("angles", arguments={"n_classes": 2}).build(TWO, 0)
    value = user_qnodes.angles(2)[0](inputs().flatten(1), one.state_dict()["weights"].double())[0]
    shares = one(inputs()).exp()
    torch.testing.assert_close(shares[:, 0] - shares[:, 1], value, rtol=0, atol=1e-6)
    torch.testing.assert_close(shares.sum(1), torch.ones(3, dtype=torch.float64))
    several = part("shares").build(GREY, 0)
    probabilities = user_qnodes.shares().qnode(inputs().flatten(1), several.state_dict()["weights"].double())
    torch.testing.assert_close(several(inputs()).exp(), probabilities[:, :3], rtol=0, atol=1e-6)


def test_resumed_equals_uninterrupted_on_lightning() -> None:
    mine = part("angles", device="lightning.qubit", training={"epochs": 2, "batch": 4, "lr": 0.05})
    data, whole = blobs(GREY, 8), Recorder()
    uninterrupted = mine.build(GREY, 0)
    history = mine.fit(uninterrupted, data, GREY, whole, 5)
    resumed = mine.build(GREY, 99)
    assert mine.fit(resumed, data, GREY, Recorder(whole.checkpoints[0]), 5) == history
    assert_same_weights(uninterrupted, resumed)


def test_a_gradient_that_is_no_number_is_an_error() -> None:
    """Lightning has none where an amplitude is zero: an attack would stay where it is, and look weak."""
    module = part("amplitudes", device="lightning.qubit").build(GREY, 0)
    dark = inputs().float()
    answers(module, dark)
    dark[1, 0, 2, 3] = 0
    with pytest.raises(PartError, match=r"is NaN for 1 of 3 inputs on 'lightning\.qubit'") as caught:
        answers(module, dark)
    assert "gradients: false" in str(caught.value)
    assert answers(part("amplitudes").build(GREY, 0), dark)[1].isfinite().all()
    with torch.no_grad():
        assert module(dark).isfinite().all()


MISTAKES: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("unbatched", {}, "fails on inputs of shape (2, 64): IndexError", "inputs[..., i]"),
    ("unbatched", {"arguments": {"mistake": "sum"}}, "answers a batch otherwise", "batched: false"),
    ("shots", {}, "measures with 100 shots, expected exact values", "no backpropagation"),
    ("deaf", {}, "ignores its inputs", "depend on 'inputs'"),
    ("detached", {}, "no gradient in its inputs: backpropagation does not reach them", "gradients: false"),
    ("angles", {"arguments": {"n_classes": 1}}, "gives 2 logits, expected one for each of 3", "one observable a class"),
    ("sampled", {}, "returns state, expected expectation values", "qml.probs"),
    ("unbounded", {}, "single value is", "Pauli word"),
    ("estimated", {}, "differentiates by finite-diff", "diff_method: best"),
    ("misnamed", {}, "makes no layer", "takes 'inputs'"),
    ("module", {}, "returned a Sequential, expected (qnode, weight_shapes)", "kind: torch_module"),
    ("angles", {"device": "lightnin.qubit"}, "no PennyLane device 'lightnin.qubit'", "did you mean 'lightning.qubit'?"),
    ("angles", {"device": "lightning.qubit", "device_options": {"speed": 3}}, "cannot be made", "device_options"),
    (
        "angles",
        {"device": "lightning.qubit", "diff_method": "backprop"},
        "does not run on 'lightning.qubit' with backprop",
        "diff_method: best",
    ),
)


@pytest.mark.parametrize(("name", "fields", "message", "hint"), MISTAKES, ids=lambda value: str(value)[:30])
def test_mistakes_are_named(name: str, fields: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(PartError) as caught:
        part(name, **fields).build(TWO if name == "unbounded" else GREY, 0)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_circuit_for_one_input_at_a_time() -> None:
    module = part("unbatched", batched=False).build(GREY, 0)
    assert module(inputs().float()).shape == (3, 3)


def test_without_gradients_none_is_asked_for() -> None:
    assert part("detached", gradients=False).build(GREY, 0)(inputs().float()).shape == (3, 3)
    assert not part("detached", gradients=False).has_gradients


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"device_options": {"mcmc": True}}, "device_options are those of 'device'"),
        ({"device": "default.qubit", "device_options": {"shots": 10}}, "hold neither shots nor wires"),
    ],
)
def test_options_belong_to_a_device(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        part("angles", **fields)


def test_features_and_states_are_inputs() -> None:
    info = InputInfo((3,), ("a", "b", "c"), Bounds(0.0, math.pi))
    assert part("unbatched", batched=False).build(info, 0)(torch.rand(2, 3)).shape == (2, 3)
