"""Small parts for the tests of defences: an attack, a network, and one example of every registered defence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from qaml.defences.base import DEFENCES, DefencePart
from qaml.models.seeding import seeded

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "adversarial_training": {"attack": "some-attack"},
    "combined_loss": {"attack": "some-attack"},
    "gaussian_augmentation": {"sigma": 0.1},
    "feature_squeezing": {"bits": 2},
    "spatial_smoothing": {"window": 3},
    "random_resizing": {},
}
"""Kind → fields; a registered kind without an example fails the conformance tests."""

EPSILON = 0.2


def defence(kind: str, **fields: Any) -> DefencePart:
    """The example of a kind, with some fields changed."""
    return DEFENCES.load(kind).model_validate_json(json.dumps({"kind": kind, **EXAMPLES[kind], **fields}))


def fgsm(module: nn.Module, inputs: Tensor, labels: Tensor, seed: int) -> Tensor:
    """One signed gradient step plus a little seeded noise, so that the seed shows in the result."""
    assert not any(part.training for part in module.modules()), "attacks see a network in evaluation mode"
    moving = inputs.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(module(moving), labels), moving)
    noise = 0.01 * torch.rand(inputs.shape, generator=torch.Generator().manual_seed(seed))
    return (inputs + EPSILON * gradient.sign() + noise).clamp(0, 1)


def network(seed: int = 0) -> nn.Module:
    """A network with batch normalisation and dropout, for 1×8×8 images and three classes."""
    with seeded(seed):
        return nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(4 * 36, 3),
        )
