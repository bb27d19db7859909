"""Training data of models that see all of it at once, after the changes that defences make."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from qaml.errors import RunError
from qaml.models.base import Hooks
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
