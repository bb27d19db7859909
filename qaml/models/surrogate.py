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
"""Largest number of training images for which the classifier's answers are used."""
EPOCHS, BATCH, RATE = 15, 100, 2e-3
NEIGHBOURHOOD = 0.2
"""Largest distance of an image's neighbour from it, as a share of the bounds' width, the images' range where open."""
LESSONS, SLOWER = 4, 1e-3
"""Number of epochs, and factor on the learning rate, when a trained surrogate is trained further."""
FAINT = -20.0
"""Limit below the largest logit to which smaller logits are raised."""


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
        answer: (batch, *shape) → (batch,) the classifier's labels.
        inputs: (n, *shape) training images, of which the first ``EXAMPLES`` are used.
        info: description of the inputs.
        seed: seed of weights, order and neighbours.

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
    """Train a surrogate further, in place, on the classifier's logits at these points, up to a common constant.

    Args:
        module: the surrogate, left in evaluation mode without gradients.
        points: (n, *shape) inputs.
        logits: (n, classes) the classifier's logits, scaled; points with a NaN are left out.
        generator: generator of the order, on the CPU.
    """
    answered = ~torch.isnan(logits).any(1)
    if not bool(answered.any()):
        return
    points, known = points[answered], (logits - logits.amax(1, keepdim=True))[answered].clamp(min=FAINT).float()
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
    reach = NEIGHBOURHOOD * bounds.closed(float(images.min()), float(images.max())).width
    far = torch.rand((len(images), *[1] * (images.ndim - 1)), generator=generator)
    noise = torch.rand(images.shape, generator=generator) * 2 - 1
    return (images + (reach * far * noise).to(images)).clamp(bounds.low, bounds.high)
