"""Training data of models that see all of it at once, after the changes that defences make."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from qaml.errors import RunError
from qaml.models.base import Checkpoint, History, Hooks
from qaml.types import Module, Split


class Lesson(NamedTuple):
    """Everything that such a model learns from.

    Attributes:
        inputs: (n, *shape) float32.
        labels: (n,) int64.
    """

    inputs: Tensor
    labels: Tensor


def lesson(module: Module, data: Split, hooks: Hooks) -> Lesson:
    """The training data as one epoch of one batch.

    Raises:
        RunError: there are none, or a defence gives examples different weights.
    """
    if len(data) == 0:
        raise RunError("expected training data, got no example", "check the dataset's transforms")
    epoch = hooks.epoch(module, data, 0)
    inputs, labels = hooks.batch(module, torch.tensor(epoch.inputs), torch.tensor(epoch.labels), 0)
    weights = hooks.weigh(torch.ones(len(labels)))
    if not torch.equal(weights, torch.ones_like(weights)):
        raise RunError(
            "a defence weighs the training examples, which a model that is trained at once cannot do",
            "use 'gaussian_augmentation', or 'adversarial_training' with 'regenerate: once'",
        )
    return Lesson(inputs.detach(), labels.detach())


def resumed(module: Module, hooks: Hooks) -> History | None:
    """The curves of a finished fit, whose state the module then has; ``None`` where there is none."""
    checkpoint = hooks.restore()
    if checkpoint is None:
        return None
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in checkpoint.arrays.items()})
    module.eval()
    return dict(checkpoint.history)


def kept(module: Module, hooks: Hooks, history: History) -> History:
    """Offer the finished fit as a checkpoint, report it, and return its curves."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    hooks.save(Checkpoint(1, arrays, history))
    hooks.progress(1, 1, **{name: values[-1] for name, values in history.items()})
    return history
