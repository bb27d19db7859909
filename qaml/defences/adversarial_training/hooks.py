"""Training hooks that put attacked examples among the training data.

Every draw is a function of the seed and the epoch or step, so that a resumed run crafts what an uninterrupted one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from qaml.defences.base import Craft
from qaml.models.base import Hooks
from qaml.models.seeding import derive_seed
from qaml.types import FloatArray, IntArray, Split

_CHUNK = 512


class AttackedUnion(Hooks):
    """Each epoch trains on clean examples and on their adversarials against the network as it then is."""

    def __init__(self, craft: Craft, clean_share: float, seed: int) -> None:
        self.craft = craft
        self.clean_share = clean_share
        self.seed = seed

    def epoch(self, module: nn.Module, data: Split, epoch: int) -> Split:
        """The union of clean and attacked examples."""
        return self.union(module, data, epoch)

    def union(self, attacked: nn.Module, data: Split, counter: int) -> Split:
        """Clean examples and adversarials against ``attacked``, in the declared shares; the larger part is complete."""
        n_clean, n_attacked = union_sizes(len(data), self.clean_share)
        rng = np.random.default_rng(derive_seed(self.seed, "union", counter))
        clean, chosen = _subset(data, n_clean, rng), _subset(data, n_attacked, rng)
        seed = derive_seed(self.seed, "craft", counter)
        return Split(
            np.concatenate((clean.inputs, _crafted(self.craft, attacked, chosen, seed))),
            np.concatenate((clean.labels, chosen.labels)),
            np.concatenate((clean.indices, chosen.indices)),
        )


class AttackedOnce(AttackedUnion):
    """Every epoch trains on the same union, crafted against a network that was trained without the defence."""

    def __init__(self, craft: Craft, clean_share: float, seed: int, undefended: nn.Module) -> None:
        super().__init__(craft, clean_share, seed)
        self.undefended = undefended
        self._union: Split | None = None

    def epoch(self, module: nn.Module, data: Split, epoch: int) -> Split:  # noqa: ARG002
        """The union, crafted at its first use."""
        if self._union is None:
            self._union = self.union(self.undefended, data, 0)
        return self._union


class AttackedBatches(Hooks):
    """A share of each batch is attacked before the step, against the network as it then is."""

    def __init__(self, craft: Craft, clean_share: float, seed: int) -> None:
        self.craft = craft
        self.clean_share = clean_share
        self.seed = seed

    def batch(self, module: nn.Module, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """The first examples of the batch (drawn in random order) unchanged, the others attacked."""
        n_clean = round(len(inputs) * self.clean_share)
        if n_clean == len(inputs):
            return inputs, labels
        with evaluating(module):
            attacked = self.craft(module, inputs[n_clean:], labels[n_clean:], derive_seed(self.seed, "craft", step))
        return torch.cat((inputs[:n_clean], attacked.detach())), labels


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module and everything in it into evaluation mode for a while: attacks see fixed statistics, no dropout."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, was_training in modes:
            part.training = was_training


def union_sizes(n: int, clean_share: float) -> tuple[int, int]:
    """The numbers of clean and of attacked examples in a union of n examples, the larger part complete."""
    if clean_share >= 0.5:
        return n, round(n * (1 - clean_share) / clean_share)
    return round(n * clean_share / (1 - clean_share)), n


def _subset(data: Split, n: int, rng: np.random.Generator) -> Split:
    chosen: IntArray = np.sort(rng.choice(len(data), n, replace=False)) if n < len(data) else np.arange(n)
    return Split(data.inputs[chosen], data.labels[chosen], data.indices[chosen])


def _crafted(craft: Craft, module: nn.Module, data: Split, seed: int) -> FloatArray:
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    adversarials = np.empty_like(data.inputs)
    with evaluating(module):
        for number, start in enumerate(range(0, len(data), _CHUNK)):
            chunk = slice(start, start + _CHUNK)
            inputs = torch.tensor(data.inputs[chunk], device=device)
            labels = torch.tensor(data.labels[chunk], device=device)
            attacked = craft(module, inputs, labels, derive_seed(seed, "chunk", number))
            adversarials[chunk] = attacked.detach().cpu().numpy()
    return adversarials
