"""Users' modules with habits of their own: each trains, is stored, answers and is attacked as the plain one is."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from qaml.attacks.base import ATTACKS, AttackPart
from qaml.attacks.planted import features_of
from qaml.errors import PartError, RunError
from qaml.models.base import ModelPart
from qaml.models.capabilities import (
    Averaging,
    Curved,
    Encoding,
    Featured,
    Flipped,
    OneValued,
    OnSphere,
    Quadratic,
    Sampled,
    Sketched,
    is_randomised,
    reseed_all,
)
from qaml.models.edge import Edge, at_edge
from qaml.models.linear.network import LinearClassifier
from qaml.models.torch_module.part import TorchModule
from qaml.run.classifier import restore, target
from qaml.run.job import Job
from qaml.run.steps import train
from qaml.testing.material import Recorder
from qaml.types import Bounds, Data, InputInfo, Split
from tests.models.edge import modules

INFO = InputInfo((4,), ("a", "b"), Bounds(0.0, 1.0))
SOUND = [
    "Net",
    "DoubleLogits",
    "HalfLogits",
    "double_weights",
    "bfloat_weights",
    "ComplexWeights",
    "PlainAttribute",
    "MadeInForward",
    "AssertsFloat",
    "Transposed",
    "ViewOfInput",
    "InPlace",
    "SilentModes",
    "BuffersOnly",
    "frozen",
    "Tied",
    "Named",
    "Features",
    "GradientsOff",
]
FIXED = {"ViewOfInput", "BuffersOnly", "frozen"}
ATTACKED: dict[str, dict[str, Any]] = {
    "fgsm": {"epsilon": [0.4]},
    "pgd": {"epsilon": [0.4], "steps": 3},
    "deepfool": {},
    "carlini_wagner": {"steps": 40, "binary_search_steps": 2, "initial_constant": 100.0, "step": 0.05},
    "autoattack": {"epsilon": [0.4], "members": ["apgd_ce"], "steps": 5},
}


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", modules.__name__)


def part(name: str) -> TorchModule:
    return TorchModule(
        factory=f"{modules.__name__}:{name}",
        training={"epochs": 10, "batch": 8, "lr": 0.1},  # type: ignore[arg-type]
    )


def data(n: int = 24) -> Split:
    generator = np.random.default_rng(0)
    labels = np.arange(n) % 2
    inputs = (0.3 + 0.4 * labels[:, None] + generator.uniform(-0.2, 0.2, (n, 4))).astype(np.float32)
    return Split(inputs, labels, np.arange(n))


class _Dataset:
    info = INFO


def stored(model: ModelPart, module: nn.Module, folder: Path) -> nn.Module:
    """The module as later steps find it."""
    save_file(train._weights(module), folder / "weights.safetensors")
    description = {"model": model, "dataset": _Dataset(), "defences": []}
    return restore(description, folder / "weights.safetensors", "cpu")


@pytest.mark.parametrize("name", SOUND)
def test_sound_modules_train_are_stored_answer_and_are_attacked(name: str, tmp_path: Path) -> None:
    model, examples = part(name), data()
    module = model.build(INFO, 1)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    recorder = Recorder()
    with pytest.warns(UserWarning, match="no weights to train") if name in FIXED else nullcontext():
        history = model.fit(module, examples, INFO, recorder, 1)
    assert len(history["loss"]) == 10
    trained = any(not torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert trained == (name not in FIXED)

    inputs, labels = torch.from_numpy(examples.inputs), torch.from_numpy(examples.labels)
    given = inputs.clone()
    restored = stored(model, module, tmp_path)
    module.eval()
    logits = restored(inputs)
    assert torch.equal(inputs, given)
    assert (logits.dtype, logits.shape, logits.is_contiguous()) == (torch.float32, (24, 2), True)
    assert torch.equal(logits, module(inputs))
    assert (restored.double()(inputs.double()).float() - logits).abs().max() < 0.02  # bfloat16 has eight bits
    assert torch.equal(restored.float()(inputs), logits)

    for kind, fields in ATTACKED.items():
        attack: AttackPart = ATTACKS.load(kind).model_validate({"kind": kind, **fields}, strict=False)
        result = attack.run(target(restored, INFO), inputs, labels, 0, lambda _: None)
        assert np.isfinite(result.adversarials).all()
        assert torch.equal(inputs, given), kind
        right = logits.argmax(1) == labels
        moved = (torch.from_numpy(result.adversarials[-1]) != inputs).any(1)
        assert bool(moved[right].any()), f"{kind} does nothing to {name}"
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


def test_a_resumed_run_of_bfloat16_weights_equals_an_uninterrupted_one() -> None:
    model = part("bfloat_weights")
    whole, recorder = model.build(INFO, 1), Recorder()
    model.fit(whole, data(), INFO, recorder, 1)
    resumed = model.build(INFO, 2)
    model.fit(resumed, data(), INFO, Recorder(recorder.checkpoints[0]), 1)
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in resumed.state_dict().items())


def test_weights_have_the_names_that_their_author_gave_them(tmp_path: Path) -> None:
    module = part("Tied").build(INFO, 1)
    save_file(train._weights(module), tmp_path / "w.safetensors")
    saved = load_file(tmp_path / "w.safetensors")
    assert saved.keys() == modules.Tied().state_dict().keys()
    module.load_state_dict(saved)
    assert torch.equal(module.get_parameter("same.weight"), module.get_parameter("inner.weight"))


OFFERS = (Averaging, Curved, Encoding, Featured, Flipped, OneValued, OnSphere, Quadratic, Sampled, Sketched)


@pytest.mark.parametrize("name", ["Named", "Features"])
def test_no_attribute_of_a_user_is_a_capability(name: str) -> None:
    module = part(name).build(INFO, 1)
    assert [offer for offer in OFFERS if isinstance(module, offer)] == []
    assert not is_randomised(module)
    reseed_all(module, 0)


class Drawing(nn.Module):
    """Randomised, and says so."""

    is_randomised = True
    seeds: tuple[int, ...] = ()

    def reseed(self, seed: int) -> None:
        self.seeds = (*self.seeds, seed)

    def averaged(self) -> nn.Module:
        return modules.InPlace()

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


def test_what_a_part_declares_is_seen_and_stands_behind_the_edge() -> None:
    inner = Drawing()
    module: Any = at_edge(inner, frozenset({"is_randomised", "reseed", "averaged"}))
    assert is_randomised(module)
    reseed_all(nn.Sequential(module), 3)
    assert inner.seeds == (3,)
    inputs = torch.rand(2, 4)
    given = inputs.clone()
    assert isinstance(copy.deepcopy(module), Averaging)
    module.averaged()(inputs)
    assert torch.equal(inputs, given)
    assert not isinstance(module, Featured)
    assert not is_randomised(at_edge(inner))


def test_qaml_s_own_modules_need_no_wrapper() -> None:
    own = LinearClassifier(4, 2)
    assert at_edge(own) is own
    assert isinstance(at_edge(nn.Sequential(own)), Edge)


@pytest.mark.parametrize("answer", [(torch.zeros(2, 2),), {"logits": torch.zeros(2, 2)}, None])
def test_what_is_no_tensor_is_refused(answer: object) -> None:
    class Other(nn.Module):
        def forward(self, inputs: Tensor) -> object:  # noqa: ARG002
            return answer

    with pytest.raises(PartError, match=f"Other returned a {type(answer).__name__}, expected a tensor of logits"):
        Edge(Other())(torch.zeros(2, 4))


def test_the_first_refusal_is_told() -> None:
    class Refuses(modules.Net):
        def forward(self, inputs: Tensor) -> Tensor:
            raise ValueError(f"no {inputs.dtype}")

    with pytest.raises(ValueError, match=r"^no torch\.float64$"):
        Edge(Refuses()).double()(torch.zeros(2, 4))


def test_a_module_whose_logits_have_no_gradient_cannot_be_trained() -> None:
    model = part("NoGradient")
    with pytest.raises(RunError, match="no gradient in its weights, so it cannot be trained"):
        model.fit(model.build(INFO, 0), data(), INFO, Recorder(), 0)


def job(model: ModelPart, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(train, "data_of", lambda _job, _part: Data(data(), data(), INFO))
    payload = {"model": model, "defences": [], "crafts": {}, "dataset": _Dataset()}
    return Job("k", payload, 7, {}, lambda _role, name: Path(name), folder, folder / "c", lambda _share, _words: None)


def test_state_that_no_file_holds_is_found_when_it_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="built again and given its weights, the module answers differently") as error:
        train.execute(job(part("Unregistered"), tmp_path, monkeypatch))
    assert error.value.hint == "register it as a buffer"


@pytest.mark.parametrize("name", ["PlainAttribute", "Tied", "InPlace"])
def test_sound_modules_pass_the_training_step(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train.execute(job(part(name), tmp_path, monkeypatch))
    assert (tmp_path / "weights.safetensors").exists()


@pytest.mark.parametrize("name", ["double_weights", "bfloat_weights"])
def test_what_its_last_layer_is_given_is_heard_in_the_precision_of_the_inputs(name: str) -> None:
    module = part(name).build(INFO, 1).eval()
    inputs = torch.rand(3, 4)
    features = features_of(module, inputs)
    assert features is not None
    assert features(inputs).dtype == torch.float32
