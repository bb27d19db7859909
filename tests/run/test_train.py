"""Training that goes on from a checkpoint which the model does not take starts over, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from qaml.errors import RunError
from qaml.models.base import Checkpoint, Hooks, ModelPart
from qaml.models.training import fit_classifier
from qaml.run.checkpoint import Checkpoints
from qaml.run.job import Job
from qaml.run.steps import train as module
from qaml.types import Bounds, Data, InputInfo, Split

KEY = "ab" * 32
INFO = InputInfo((4,), ("zero", "one"), Bounds(0.0, 1.0))
EPOCHS = 3


class Part(ModelPart):
    """A linear model; its fit may fail in the epoch after it was taken up again."""

    kind: str = "tested"
    failing: ClassVar[Exception | None] = None

    def build(self, info: InputInfo, seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Linear(4, info.n_classes)

    def fit(self, module: nn.Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> Any:  # noqa: ARG002
        class Failing(Hooks):
            restore, save, progress = hooks.restore, hooks.save, hooks.progress

            def epoch(self, module: nn.Module, data: Split, epoch: int) -> Split:
                found = hooks.epoch(module, data, epoch)
                if Part.failing is not None:
                    raise Part.failing
                return found

        settings = self.training.model_copy(update={"epochs": EPOCHS})
        return fit_classifier(module, settings, data, Failing(), seed)


@pytest.fixture
def data() -> Data:
    generator = np.random.default_rng(0)
    split = Split(generator.random((20, 4), np.float32), np.arange(20) % 2, np.arange(20))
    return Data(split, split, INFO)


def trained(tmp_path: Path, data: Data) -> tuple[dict[str, Any], Checkpoints]:
    checkpoints = Checkpoints(tmp_path / "checkpoint", KEY, EPOCHS, interval=0.0)
    job = Job(KEY, {"defences": [], "crafts": {}}, 0, {}, lambda *_: Path(), tmp_path, tmp_path, lambda *_: None)
    network, _, history = module._trained(job, Part(), data, checkpoints)
    return {"weights": network.state_dict(), "history": history}, checkpoints


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    names = one["weights"].keys() | other["weights"].keys()
    return one["history"] == other["history"] and all(
        torch.equal(one["weights"][name], other["weights"][name]) for name in names
    )


@pytest.mark.parametrize("wrong", ["names", "shapes", "moments", "step"])
def test_a_checkpoint_of_another_shape_starts_over(tmp_path: Path, data: Data, wrong: str) -> None:
    peaceful, checkpoints = trained(tmp_path, data)
    last = checkpoints.read()
    assert last is not None
    arrays = dict(last.arrays)
    if wrong == "names":
        arrays["module.more"] = np.zeros(1)
    elif wrong == "shapes":
        arrays["module.weight"] = np.zeros((5, 4), np.float32)
    elif wrong == "moments":
        arrays["optimiser.7.exp_avg"] = np.zeros(1, np.float32)
    else:
        del arrays["step"]
    checkpoints.write(Checkpoint(2, arrays, {"loss": [0.0, 0.0]}))
    with pytest.warns(UserWarning, match=r"is not believed: the model does not take it .*; training starts over$"):
        again, _ = trained(tmp_path, data)
    assert same(again, peaceful)


@pytest.mark.parametrize("error", [RunError("no more reads"), ValueError("boom")])
def test_what_fails_after_training_was_taken_up_again_keeps_the_checkpoint(
    tmp_path: Path, data: Data, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, checkpoints = trained(tmp_path, data)
    last = checkpoints.read()
    assert last is not None
    checkpoints.write(last._replace(epoch=1))
    monkeypatch.setattr(Part, "failing", error)
    with pytest.raises(type(error)):
        trained(tmp_path, data)
    kept = checkpoints.read()
    assert kept is not None
    assert kept.epoch == 1
