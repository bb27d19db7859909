"""Train one model once, with the data and the training hooks of its defences, and with checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from qaml.attacks.base import AttackPart
from qaml.defences.base import Craft, DefencePart, ForTraining
from qaml.errors import QamlError, RunError
from qaml.models.base import Checkpoint, History, Hooks, ModelPart
from qaml.models.edge import at_edge
from qaml.models.seeding import reseed, seeded
from qaml.plan.role import Role
from qaml.run.adversarials import check_crafted
from qaml.run.arrays import write_arrays
from qaml.run.checkpoint import Checkpoints, chosen_interval
from qaml.run.classifier import WEIGHTS, as_asked, defended, restore, target, wrapped
from qaml.run.dataset import data_of, own
from qaml.run.job import Job
from qaml.types import AnyArray, Data, InputInfo, Split

LOOKED_AT = 8
"""Number of training examples on which another package's module must answer the same when it is built again."""


def execute(job: Job) -> None:
    """Write ``weights.safetensors`` and ``history.json``."""
    part: ModelPart = job.payload["model"]
    if Role("embedding") in job.parents:
        part = part.embedded(job.read(Role("embedding"), "embedding.json"))
    data = data_of(job, job.payload["dataset"])
    own_epochs = None if part.runs_foreign_code else part.training.epochs  # others may count in units of their own
    checkpoints = Checkpoints(job.checkpoint, job.key, own_epochs, chosen_interval())
    module, train, history = _trained(job, part, data, checkpoints)
    save_file(_weights(module), job.output / WEIGHTS)
    (job.output / "history.json").write_text(json.dumps(history))
    if part.runs_foreign_code:
        _check_weights_are_all(job, module, train)
    checkpoints.clear()


def _trained(job: Job, part: ModelPart, data: Data, checkpoints: Checkpoints) -> tuple[nn.Module, Split, History]:
    """A trained module, its training data and its curves; training starts over if the checkpoint does not fit."""
    defences: Sequence[DefencePart] = job.payload["defences"]
    while True:
        train = own(data.train)
        train = Split(defended(train.inputs, defences, data.info), train.labels, train.indices)
        module = part.build(data.info, job.seed)
        module.to(job.device)
        if Role("start") in job.parents:
            module.load_state_dict(load_file(job.read(Role("start"), WEIGHTS)))
        hooks = _RunHooks(job, checkpoints, _defence_hooks(job, data.info))
        try:
            return module, train, part.fit(module, train, data.info, hooks, job.seed)
        except QamlError:
            raise
        except Exception as error:
            if not hooks.is_resuming:
                raise
            checkpoints.distrust(f"the model does not take it ({type(error).__name__}: {error})")


def _weights(module: nn.Module) -> dict[str, Tensor]:
    """The state dictionary in the form of safetensors: contiguous tensors that share no memory.

    Raises:
        RunError: the state dictionary holds something that is no tensor.
    """
    state = module.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise RunError(f"the module's state holds {name!r}, a {type(value).__name__}", "keep state in buffers")
    return {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}


@torch.no_grad()
def _check_weights_are_all(job: Job, module: nn.Module, train: Split) -> None:
    """Refuse a module whose answers depend on more than its state dictionary, which is all that later steps have.

    A module that answers the same inputs differently is let through: judging finds it.

    Raises:
        RunError: built again and given its weights, the module answers differently.
    """
    description = {"dataset": job.payload["dataset"], "model": job.payload["model"], "defences": []}
    restored = restore(description, job.output / WEIGHTS, job.device)
    trained = as_asked(module, description)
    inputs = torch.from_numpy(train.inputs[:LOOKED_AT].copy()).to(job.device)

    def logits_of(asked: nn.Module) -> Tensor:
        with seeded(0, inputs.device):
            reseed(asked, 0)
            logits: Tensor = asked(inputs)
            return logits.double()

    first, again = logits_of(trained), logits_of(trained)
    if torch.allclose(first, again, equal_nan=True) and not torch.allclose(
        first, logits_of(restored), rtol=1e-3, atol=1e-5, equal_nan=True
    ):
        raise RunError(
            "built again and given its weights, the module answers differently: it has state that its state_dict "
            "does not hold, such as a tensor drawn at random in __init__",
            "register it as a buffer",
        )


def _defence_hooks(job: Job, info: InputInfo) -> list[Hooks]:
    undefended = _undefended(job) if Role("undefended") in job.parents else None
    crafts = {int(place): _craft(attack, job.payload, info) for place, attack in job.payload["crafts"].items()}
    return [
        defence.training_hooks(ForTraining(job.seed + place, crafts.get(place), undefended, info))
        for place, defence in enumerate(job.payload["defences"])
    ]


def _undefended(job: Job) -> nn.Module:
    description = {
        "dataset": job.payload["dataset"],
        "model": job.payload["model"],
        "defences": [d for d in job.payload["defences"] if not d.needs_undefended],
    }
    return restore(description, job.read(Role("undefended"), WEIGHTS), job.device)


def _craft(attack: AttackPart, payload: Mapping[str, Any], info: InputInfo) -> Craft:
    """The attack on a network in training, through the defences that wrap it."""
    part: ModelPart = payload["model"]
    defences: Sequence[DefencePart] = payload["defences"]
    budget = attack.model_copy(update={"epsilon": attack.grid[-1:]})

    def craft(module: nn.Module, inputs: Tensor, labels: Tensor, seed: int) -> Tensor:
        answering = at_edge(module, part.capabilities) if part.runs_foreign_code else module
        victim = target(wrapped(answering, defences, info), info, attack)._replace(is_counted=False)
        result = budget.run(victim, inputs, labels, seed, lambda _: None)
        check_crafted(budget, result, inputs.detach().cpu().numpy(), info.bounds)
        return torch.from_numpy(result.adversarials[-1]).to(inputs.device)

    return craft


class _RunHooks(Hooks):
    """The defences' hooks in order, then checkpoints and progress.

    Attributes:
        is_resuming: whether a checkpoint was returned, and no epoch has begun since.
    """

    def __init__(self, job: Job, checkpoints: Checkpoints, defences: Sequence[Hooks]) -> None:
        self.is_resuming = False
        self.job = job
        self.checkpoints = checkpoints
        self.defences = defences

    def epoch(self, module: nn.Module, data: Split, epoch: int) -> Split:
        self.is_resuming = False
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
        checkpoint = self.checkpoints.read()
        self.is_resuming = checkpoint is not None
        return checkpoint

    def save(self, checkpoint: Checkpoint) -> None:
        self.checkpoints.offer(checkpoint)

    def keep(self, name: str, arrays: Mapping[str, AnyArray]) -> None:
        write_arrays(self.job.output / f"{name}.npz", arrays)

    def progress(self, done: float, total: float, **values: Any) -> None:
        last = ", ".join(f"{name} {_shown(value)}" for name, value in values.items())
        self.job.progress(done / total, f"epoch {done:.0f}/{total:.0f}" + (f", {last}" if last else ""))


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
