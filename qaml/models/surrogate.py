"""A small network trained on another classifier's answers (Papernot et al. 2017, arXiv 1602.02697, section 4).

It sees nothing of the classifier but its answers, so nothing that masks gradients there masks them here. It learns
training images and neighbours of them: adversarials are made between images.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from qaml.models.seeding import derive_seed, seeded
from qaml.types import Bounds, InputInfo

HIDDEN = (128, 64)
EXAMPLES = 2000
"""Training images that the classifier is asked about, at most."""
EPOCHS, BATCH, RATE = 15, 100, 2e-3
NEIGHBOURHOOD = 0.2
"""How far from an image its neighbour may lie, as a share of the bounds' width."""
LESSONS, SLOWER = 4, 1e-3
"""Epochs and rate when a trained surrogate is taught on."""
FAINT = -20.0
"""Logits further below the largest one say no more than that."""


def build(info: InputInfo, seed: int) -> nn.Module:
    """A fully connected network: (batch, *shape) → logits (batch, classes)."""
    widths = (info.n_features, *HIDDEN)
    with seeded(seed):
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(widths[-1], info.n_classes))


def imitate(answer: Callable[[Tensor], Tensor], inputs: Tensor, info: InputInfo, seed: int) -> nn.Module:
    """Train a surrogate on a classifier's answers.

    Args:
        answer: (batch, *shape) → (batch,) labels that the classifier gives.
        inputs: (n, *shape) training images, of which the first ``EXAMPLES`` are asked about.
        info: of the inputs.
        seed: of weights, order and neighbours.

    Returns:
        The network in evaluation mode.
    """
    module = build(info, seed).to(inputs.device)
    images = inputs[:EXAMPLES]
    neighbours = _near(images, info.bounds, seed) if not info.is_state else images
    points = torch.cat([images, neighbours])
    labels = torch.cat([answer(images), answer(neighbours)])
    optimiser = torch.optim.Adam(module.parameters(), lr=RATE, fused=True)
    generator = torch.Generator().manual_seed(derive_seed(seed, "order"))
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(len(points), generator=generator), BATCH):
            optimiser.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(module(points[chosen]), labels[chosen]))
            optimiser.step()
    return module.eval().requires_grad_(False)


def teach(module: nn.Module, points: Tensor, logits: Tensor, generator: torch.Generator) -> None:
    """Teach a trained surrogate on, in place: the classifier's logits at these points, up to what all classes share.

    Args:
        module: the surrogate, left in evaluation mode without gradients.
        points: (n, *shape).
        logits: (n, classes) of the classifier at a healthy scale; where one is NaN the point is left out.
        generator: of the order, on the CPU.
    """
    told = ~torch.isnan(logits).any(1)
    if not bool(told.any()):
        return
    points, known = points[told], (logits - logits.amax(1, keepdim=True))[told].clamp(min=FAINT).float()
    known = known - known.mean(1, keepdim=True)
    module.train().requires_grad_(True)
    optimiser = torch.optim.Adam(module.parameters(), lr=SLOWER, fused=True)
    for _ in range(LESSONS):
        for chosen in torch.split(torch.randperm(len(points), generator=generator), BATCH):
            optimiser.zero_grad()
            said = module(points[chosen])
            loss = (said - said.mean(1, keepdim=True) - known[chosen]).square().mean()
            loss.backward()
            optimiser.step()
    module.eval().requires_grad_(False)


def _near(images: Tensor, bounds: Bounds, seed: int) -> Tensor:
    """A neighbour of each image, at a distance of its own."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "neighbours"))
    reach = NEIGHBOURHOOD * (bounds.high - bounds.low)
    far = torch.rand((len(images), *[1] * (images.ndim - 1)), generator=generator)
    noise = torch.rand(images.shape, generator=generator) * 2 - 1
    return (images + (reach * far * noise).to(images)).clamp(bounds.low, bounds.high)
