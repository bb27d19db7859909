"""The training loop that every gradient-trained classifier shares.

It keeps no generator and no schedule: the order of an epoch, the dropout masks of a step and its learning
rate are functions of the seed and of the progress of training. So a checkpoint holds weights, buffers, optimiser
moments and a step count, and a run continued from it equals an uninterrupted one bit for bit (on one machine and the
same number of threads).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.errors import RunError
from qaml.models.base import Checkpoint, History, Hooks, Training
from qaml.models.capabilities import Curved
from qaml.models.schedule import one_cycle, set_pace
from qaml.models.seeding import derive_seed, reseed, seeded
from qaml.types import AnyArray, Split

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits (batch, n_classes), labels (batch,)) → losses (batch,)."""
MakeOptimiser = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
"""The trainable weights → an optimiser of them."""

_SECONDS_BETWEEN_PROGRESS = 0.1
_CPU = torch.device("cpu")


def fit_classifier(
    module: nn.Module,
    training: Training,
    data: Split,
    hooks: Hooks,
    seed: int,
    *,
    loss: Loss | None = None,
    optimiser: MakeOptimiser | None = None,
) -> History:
    """Train a module in place; afterwards it is in evaluation mode.

    Args:
        module: maps (batch, *shape) to (batch, n_classes) logits; trained on the device it is on.
        training: optimiser, learning rate and its schedule, epochs and batch size.
        data: the training split.
        hooks: change the data of an epoch or a batch, keep checkpoints, draw progress.
        seed: seed of orders, dropout and the module's own draws; the global generators are not changed.
        loss: the loss of each example; cross-entropy without it.
        optimiser: makes an optimiser of the trainable weights; the one of ``training`` without it.

    Returns:
        ``loss`` and ``accuracy`` of each epoch: means over the batches in training mode; and the module's ``curves()``
        after each epoch, if it has them.

    Raises:
        RunError: the training data is empty.
    """
    if len(data) == 0:
        raise RunError("expected training data, got no example", "check the dataset's transforms")
    run = _Run(module, _optimiser(module, training, optimiser), training, hooks, seed, loss or cross_entropy)
    start, step, history = run.resume()
    for epoch in range(start, training.epochs):
        module.train()
        step, loss_mean, accuracy = run.epoch(hooks.epoch(module, data, epoch), epoch, step)
        curves = module.curves() if isinstance(module, Curved) else {}
        values = {"loss": loss_mean, "accuracy": accuracy, **curves}
        history = {name: [*history.get(name, ()), value] for name, value in values.items()}
        hooks.save(Checkpoint(epoch + 1, run.arrays(step), history))
        hooks.progress(epoch + 1, training.epochs, loss=loss_mean, accuracy=accuracy)
    module.eval()
    return history


class _Run(NamedTuple):
    """One training run: the objects that stay the same from its first step to its last."""

    module: nn.Module
    optimiser: torch.optim.Optimizer | None
    training: Training
    hooks: Hooks
    seed: int
    loss: Loss

    @property
    def device(self) -> torch.device:
        return next((held.device for held in chain(self.module.parameters(), self.module.buffers())), _CPU)

    def resume(self) -> tuple[int, int, History]:
        """Epochs done, steps done and the curves so far; weights and moments are loaded."""
        checkpoint = self.hooks.restore()
        if checkpoint is None:
            return 0, 0, {}
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in checkpoint.arrays.items()}
        self.module.load_state_dict(_below("module", tensors))
        if self.optimiser is not None:
            _restore_optimiser(self.optimiser, _below("optimiser", tensors))
        history = {name: list(values) for name, values in checkpoint.history.items()}
        return checkpoint.epoch, int(tensors["step"]), history

    def arrays(self, step: int) -> dict[str, AnyArray]:
        """Everything that a continuation of this run needs, as copies."""
        tensors = {f"module.{name}": value for name, value in self.module.state_dict().items()}
        moments_of = {} if self.optimiser is None else self.optimiser.state_dict()["state"]
        for index, moments in moments_of.items():
            tensors |= {f"optimiser.{index}.{name}": v for name, v in moments.items() if isinstance(v, Tensor)}
        arrays: dict[str, AnyArray] = {name: _copied(value) for name, value in tensors.items()}
        return arrays | {"step": np.array(step, dtype=np.int64)}

    def epoch(self, data: Split, epoch: int, step: int) -> tuple[int, float, float]:
        """Train on every example once; return the new step count, the mean loss and the accuracy."""
        inputs, labels = _tensor(data.inputs), _tensor(data.labels)
        order = torch.from_numpy(np.random.default_rng(derive_seed(self.seed, "order", epoch)).permutation(len(data)))
        total_loss, n_correct, n_seen, n_drawn, reported = 0.0, 0, 0, 0, time.monotonic()
        for chosen in batches(order, self.training.batch):
            batch = self.hooks.batch(self.module, inputs[chosen].to(self.device), labels[chosen].to(self.device), step)
            self.set_pace(epoch + n_drawn / len(data))
            batch_loss, batch_correct = self.update(*batch, step)
            step += 1
            n_seen += len(batch[1])
            n_drawn += len(chosen)
            total_loss += batch_loss * len(batch[1])
            n_correct += batch_correct
            if time.monotonic() - reported > _SECONDS_BETWEEN_PROGRESS:
                reported = time.monotonic()
                self.hooks.progress(
                    epoch + n_drawn / len(data),
                    self.training.epochs,
                    loss=total_loss / n_seen,
                    accuracy=n_correct / n_seen,
                )
        return step, total_loss / n_seen, n_correct / n_seen

    def set_pace(self, epochs: float) -> None:
        """Set the learning rate and momentum of the next step, after this many epochs of training."""
        if self.optimiser is not None and self.training.schedule == "one_cycle":
            set_pace(self.optimiser, one_cycle(epochs / self.training.epochs, self.training.lr))

    def update(self, inputs: Tensor, labels: Tensor, step: int) -> tuple[float, int]:
        """Take a step of the optimiser; return the batch's mean loss and number of correct predictions before it."""
        step_seed = derive_seed(self.seed, "step", step)
        reseed(self.module, step_seed)
        with seeded(step_seed, self.device):
            logits = self.module(inputs)
            loss = self.hooks.weigh(self.loss(logits, labels)).mean()
            self.descend(loss)
        return loss.item(), int((logits.argmax(1) == labels).sum())

    def descend(self, loss: Tensor) -> None:
        """Take a gradient step; a module whose weights are all frozen is not changed.

        Raises:
            RunError: the module has weights to train, and its logits have no gradient in any of them.
        """
        if self.optimiser is None:
            return
        if not loss.requires_grad:
            raise RunError(
                "the module's logits have no gradient in its weights, so it cannot be trained",
                "leave gradients on in 'forward', or bring trained weights",
            )
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()


def batches(order: Tensor, size: int) -> Iterator[Tensor]:
    """Cut an order into batches; a single example left over joins the batch before it.

    Batch normalisation has no variance to divide by in a batch of one 1×1 feature map.
    """
    parts = list(torch.split(order, size))
    if size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    yield from parts


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of every example, (batch,)."""
    return nn.functional.cross_entropy(logits, labels, reduction="none")


def _optimiser(module: nn.Module, training: Training, make: MakeOptimiser | None) -> torch.optim.Optimizer | None:
    """The optimiser; ``None`` without trainable weights, because torch refuses an optimiser without parameters."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not parameters:
        return None
    if make is not None:
        return make(parameters)
    if training.optimiser == "sgd":
        return torch.optim.SGD(
            parameters, lr=training.lr, momentum=training.momentum, weight_decay=training.weight_decay
        )
    is_fused = all(parameter.is_floating_point() for parameter in parameters)
    return torch.optim.Adam(parameters, lr=training.lr, weight_decay=training.weight_decay, fused=is_fused)


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, moment = name.partition(".")
        state.setdefault(int(index), {})[moment] = _laid_out_as(parameters[int(index)], value)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _laid_out_as(parameter: Tensor, moment: Tensor) -> Tensor:
    # fused Adam walks weight and moments in memory order: other strides (a transposed weight, channels last) would
    # pair each weight with the moments of another one, without an error
    return torch.empty_like(parameter).copy_(moment).detach() if moment.shape == parameter.shape else moment


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): v for name, v in tensors.items() if name.startswith(f"{prefix}.")}


def _tensor(array: AnyArray) -> Tensor:
    # a memory-mapped artefact is read-only, which torch warns about
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def _copied(tensor: Tensor) -> AnyArray:
    # numpy has no bfloat16, and float32 holds each of its values
    plain = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return np.array(plain.detach().cpu().numpy(), order="C")
