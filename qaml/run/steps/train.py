"""Train one model once: data defences, training hooks of the defences, checkpoints, weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from qaml.attacks.base import AttackPart
from qaml.defences.base import Craft, DefencePart
from qaml.models.base import Checkpoint, Hooks, ModelPart
from qaml.run.arrays import write_arrays
from qaml.run.checkpoint import Checkpoints
from qaml.run.classifier import WEIGHTS, defended, restore, target, wrapped
from qaml.run.dataset import data_of, own
from qaml.run.job import Job
from qaml.types import InputInfo, Split


def execute(job: Job) -> None:
    """Write ``weights.safetensors`` and ``history.json``."""
    part: ModelPart = job.payload["model"]
    if "embedding" in job.parents:
        part = part.embedded(job.read("embedding", "embedding.json"))
    defences: Sequence[DefencePart] = job.payload["defences"]
    data = data_of(job, job.payload["dataset"])
    train = own(data.train)
    train = Split(defended(train.inputs, defences, data.info), train.labels, train.indices)
    module = part.build(data.info, job.seed).to(job.device)
    if "start" in job.parents:
        module.load_state_dict(load_file(job.read("start", WEIGHTS)))
    checkpoints = Checkpoints(job.checkpoint, float(os.environ.get("QAML_CHECKPOINT_SECONDS", "10")))
    hooks = _RunHooks(job, checkpoints, _defence_hooks(job, data.info))
    history = part.fit(module, train, data.info, hooks, job.seed)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    save_file(weights, job.output / WEIGHTS)
    (job.output / "history.json").write_text(json.dumps(history))
    checkpoints.clear()


def _defence_hooks(job: Job, info: InputInfo) -> list[Hooks]:
    crafts: dict[str, AttackPart] = job.payload["crafts"]
    undefended = _undefended(job) if "undefended" in job.parents else None
    return [
        defence.training_hooks(
            _craft(crafts[str(position)], job.payload["defences"], info) if str(position) in crafts else None,
            undefended,
            job.seed + position,
            info,
        )
        for position, defence in enumerate(job.payload["defences"])
    ]


def _undefended(job: Job) -> nn.Module:
    description = {
        "dataset": job.payload["dataset"],
        "model": job.payload["model"],
        "defences": [d for d in job.payload["defences"] if not d.needs_undefended],
    }
    return restore(description, job.read("undefended", WEIGHTS), job.device)


def _craft(attack: AttackPart, defences: Sequence[DefencePart], info: InputInfo) -> Craft:
    """The attack on a network in training, through the defences that stand around it."""
    budget = attack.model_copy(update={"epsilon": attack.grid[-1:]})

    def craft(module: nn.Module, inputs: Tensor, labels: Tensor, seed: int) -> Tensor:
        victim = target(wrapped(module, defences, info), info)._replace(is_counted=False)
        result = budget.run(victim, inputs, labels, seed, lambda _: None)
        return torch.from_numpy(result.adversarials[-1]).to(inputs.device)

    return craft


class _RunHooks(Hooks):
    """The defences' hooks in order, then checkpoints and progress."""

    def __init__(self, job: Job, checkpoints: Checkpoints, defences: Sequence[Hooks]) -> None:
        self.job = job
        self.checkpoints = checkpoints
        self.defences = defences

    def epoch(self, module: nn.Module, data: Split, epoch: int) -> Split:
        for hooks in self.defences:
            data = hooks.epoch(module, data, epoch)
        return data

    def batch(self, module: nn.Module, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        for hooks in self.defences:
            inputs, labels = hooks.batch(module, inputs, labels, step)
        return inputs, labels

    def weigh(self, losses: Tensor) -> Tensor:
        for hooks in self.defences:
            losses = hooks.weigh(losses)
        return losses

    def restore(self) -> Checkpoint | None:
        return self.checkpoints.read()

    def save(self, checkpoint: Checkpoint) -> None:
        self.checkpoints.offer(checkpoint)

    def keep(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        write_arrays(self.job.output / f"{name}.npz", arrays)

    def progress(self, done: float, total: float, **values: Any) -> None:
        last = ", ".join(f"{name} {_shown(value)}" for name, value in values.items())
        self.job.progress(done / total, f"epoch {done:.0f}/{total:.0f}" + (f", {last}" if last else ""))


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
