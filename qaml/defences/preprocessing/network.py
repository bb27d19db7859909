"""A defence in front of a classifier, and gradients through defences that have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qaml.autograd import differentiable
from qaml.models.base import Hooks
from qaml.models.capabilities import is_randomised
from qaml.models.seeding import derive_seed, reseed
from qaml.types import FloatArray

_CHUNK = 1024


class Preprocessed(nn.Module):
    """A classifier behind a defence; randomised if either of them is.

    Args:
        preprocess: (batch, *shape) → the same shape.
        classifier: (batch, *shape) → logits.
    """

    def __init__(self, preprocess: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.classifier = classifier

    @property
    def is_randomised(self) -> bool:
        """Whether the forward pass draws."""
        return any(is_randomised(part) for part in (self.preprocess, self.classifier))

    def reseed(self, seed: int) -> None:
        """Start the draws of both parts anew, on streams of their own."""
        reseed(self.preprocess, derive_seed(seed, "preprocess"))
        reseed(self.classifier, derive_seed(seed, "classifier"))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → logits (batch, n_classes)."""
        logits: Tensor = self.classifier(self.preprocess(inputs))
        return logits


class StraightThrough(nn.Module):
    """A layer that keeps the shape, with the identity as its gradient (BPDA: Athalye et al. 2018, arXiv:1802.00420)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        """The layer's output, bit for bit."""
        return differentiable(_IdentityGradient, inputs, self.layer)


class _IdentityGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, layer: nn.Module) -> Tensor:  # noqa: ARG004
        output: Tensor = layer(inputs)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        return gradients[0], None


class PreprocessedBatches(Hooks):
    """Each batch passes the defence before the step; random draws are a function of the seed and the step."""

    def __init__(self, layer: nn.Module, seed: int) -> None:
        self.layer = layer
        self.seed = seed

    def batch(self, module: nn.Module, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The defended batch."""
        reseed(self.layer, derive_seed(self.seed, "preprocess", step))
        with torch.no_grad():
            return self.layer(inputs), labels


def applied(layer: nn.Module, inputs: FloatArray) -> FloatArray:
    """The layer's output on an array, (n, *shape) float32, in chunks."""
    outputs = np.empty_like(inputs)
    with torch.no_grad():
        for start in range(0, len(inputs), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            outputs[chunk] = layer(torch.tensor(inputs[chunk])).numpy()
    return outputs
