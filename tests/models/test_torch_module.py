"""A module of the user's: trust, weights, and errors that say what to do."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from qaml.errors import PartError
from qaml.models.base import Hooks
from qaml.models.torch_module.part import TorchModule
from qaml.models.weights_part import Weights
from qaml.types import Bounds, InputInfo
from tests.models.examples import GREY, assert_same_weights, blobs
from tests.models.user_module import Network

FACTORY = "tests.models.user_module:Network"


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Network, Weights]:
    """A network and its weights in a file."""
    torch.manual_seed(1)
    module = Network().eval()
    path = tmp_path / "weights.safetensors"
    save_file(module.state_dict(), path)
    return module, Weights(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_weights_are_used_as_they_are(trained: tuple[Network, Weights]) -> None:
    original, weights = trained
    part = TorchModule(factory=FACTORY, weights=weights)
    module = part.build(GREY, 0)
    module.train()
    assert part.fit(module, blobs(GREY), GREY, Hooks(), 0) == {}
    assert_same_weights(module, original)
    assert not module.training


def test_fine_tuning_trains_on(trained: tuple[Network, Weights]) -> None:
    original, weights = trained
    part = TorchModule(factory=FACTORY, weights=weights, fine_tune=True)
    module = part.build(GREY, 0)
    assert_same_weights(module, original)
    assert len(part.fit(module, blobs(GREY), GREY, Hooks(), 0)["loss"]) == part.training.epochs
    assert not np.array_equal(module.get_parameter("first.weight").detach(), original.first.weight.detach())


def test_arguments_reach_the_factory() -> None:
    part = TorchModule.model_validate_json(
        f'{{"kind": "torch_module", "factory": "{FACTORY}", "arguments": {{"hidden": 5}}}}'
    )
    assert part.build(GREY, 0).get_parameter("first.weight").shape == (5, 16)


def test_building_leaves_statistics_and_mode_alone() -> None:
    module = TorchModule(factory=FACTORY).build(GREY, 0)
    assert module.training
    assert torch.equal(module.get_buffer("norm.running_mean"), torch.zeros(12))


@pytest.mark.parametrize("trusted", ["", "tests", "tests.models.user_module2", "user_module"])
def test_untrusted_modules_are_not_imported(trusted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", trusted)
    monkeypatch.delitem(sys.modules, "tests.models.user_module")
    with pytest.raises(PartError, match=r"'tests\.models\.user_module', which is not trusted") as error:
        TorchModule(factory=FACTORY).build(GREY, 0)
    close = f"did you mean {trusted!r}, which is? " if trusted == "tests.models.user_module2" else ""
    assert error.value.hint == f"{close}if you trust it, run with QAML_TRUSTED_MODULES=tests.models.user_module"
    assert "tests.models.user_module" not in sys.modules


@pytest.mark.parametrize("trusted", ["other, tests.models.user_module", "other tests.models.user_module"])
def test_several_modules_can_be_trusted(trusted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", trusted)
    assert TorchModule(factory=FACTORY).build(GREY, 0)(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize(
    "factory", ["module", "module:", ":name", "a b:c", "os:system('x')", "a..b:c", "a:b.c", "a:b\n"]
)
def test_a_factory_is_a_module_and_a_name(factory: str) -> None:
    with pytest.raises(ValidationError, match="String should match pattern"):
        TorchModule(factory=factory)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Netwrok", r"'tests\.models\.user_module' has no 'Netwrok'\n  hint: did you mean 'Network'\?"),
        ("SETTING", "is not callable"),
        ("not_a_module", "returned a int, expected a torch.nn.Module"),
        ("empty", r"returned \(2, 64\), expected logits of shape \(2, 3\)"),
        ("broken", "failed: ValueError: no such network"),
    ],
)
def test_unusable_factories_are_refused(name: str, message: str) -> None:
    with pytest.raises(PartError, match=message):
        TorchModule(factory=f"tests.models.user_module:{name}").build(GREY, 0)


def test_a_module_for_other_inputs_is_refused() -> None:
    with pytest.raises(PartError, match=r"returned \(2, 3\), expected logits of shape \(2, 4\)"):
        TorchModule(factory=FACTORY).build(GREY._replace(classes=("a", "b", "c", "d")), 0)
    features = InputInfo((6,), ("a", "b", "c"), Bounds(0.0, 1.0))
    with pytest.raises(PartError, match=r"fails on inputs of shape \(2, 6\)"):
        TorchModule(factory=FACTORY).build(features, 0)


def test_changed_missing_and_damaged_weights_are_refused(trained: tuple[Network, Weights]) -> None:
    _, weights = trained
    wrong = weights.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(PartError, match="not the file that was named: expected SHA-256 0000") as caught:
        TorchModule(factory=FACTORY, weights=wrong).build(GREY, 0)
    assert weights.sha256 not in str(caught.value), "the checksum of any file that can be read"

    Path(weights.path).write_bytes(b"not safetensors")
    damaged = weights.model_copy(update={"sha256": hashlib.sha256(b"not safetensors").hexdigest()})
    with pytest.raises(PartError, match="no safetensors file"):
        TorchModule(factory=FACTORY, weights=damaged).build(GREY, 0)

    Path(weights.path).unlink()
    with pytest.raises(PartError, match=r"cannot read weights .*No such file"):
        TorchModule(factory=FACTORY, weights=weights).build(GREY, 0)


def test_weights_of_another_architecture_are_refused(trained: tuple[Network, Weights]) -> None:
    with pytest.raises(PartError, match=r"do not fit the module: .*size mismatch for first\.weight"):
        TorchModule(factory=FACTORY, weights=trained[1], arguments={"hidden": 5}).build(GREY, 0)


def test_fine_tuning_needs_weights() -> None:
    with pytest.raises(ValidationError, match="fine_tune needs weights"):
        TorchModule(factory=FACTORY, fine_tune=True)
