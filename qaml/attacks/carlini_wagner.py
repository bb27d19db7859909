"""Carlini & Wagner's loss, minimised by Adam with steps clipped to the box, one nearby rival class after the other.

Their change of variables (a tanh) has no gradient where pixels are black or white: there foolbox's attack stalls, 1.5
times the exact distance away on a linear model of the digits. Clipping the steps is their first remedy for the box
(Carlini & Wagner 2017, section V-B); a decaying step makes up for the lost momentum. An untargeted loss settles on the
first rival class that it meets, so each of the nearest rivals is a target.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from qaml.attacks.geometry import closed_around, single_precision
from qaml.attacks.minimisation.part import CarliniWagner
from qaml.models.logits import has_answer
from qaml.types import Bounds

CANDIDATES = 10
"""Number of most likely classes among which the nearest ones are found."""
BISECTIONS = 12
"""Number of bisections of the segment from the clean input to an adversarial: down to 1/4096 of it."""
LAST = 0.01
"""Share of Adam's step that remains at the end of a constant."""
FEWEST_STEPS = 40
"""Fewest steps for a rival; with fewer steps in all, fewer rivals are targets."""
REACH = 2.0
"""Largest first step of Adam, in linearised distances: a longer one would end far from the boundary."""
SETTLED = 0.75
"""Share of the steps after which an adversarial shows that a constant is large enough."""
DECAYS = 0.9, 0.999


def smallest(
    module: nn.Module, clean: Tensor, labels: Tensor, bounds: Bounds, part: CarliniWagner, factor: float
) -> Tensor:
    """The nearest adversarials met: (n, *shape), the clean input where there was none.

    Args:
        module: a classifier.
        clean: (n, *shape) within the bounds.
        labels: (n,) the classifier's predictions.
        bounds: bounds of every coordinate.
        part: settings of the search.
        factor: factor on the logits, for constants of a usual size.
    """
    found = _Nearest(module, clean, labels, part.confidence)
    rivals = nearest_rivals(module, clean, labels, min(part.rivals, max(1, part.steps // FEWEST_STEPS)))
    steps = max(1, part.steps // rivals.classes.shape[1])
    longest = part.step_size * closed_around(bounds, clean).width / 2
    for rival, distances, margins in zip(*(each.T for each in rivals), strict=True):
        # half the constant at which a linear model's boundary is reached, where that is smaller
        low = (distances.square() / (factor * margins)).nan_to_num(torch.inf)
        constants = _Constants(torch.where(low > 0, low, torch.inf).clamp(max=part.initial_constant))
        step = (REACH * distances / clean[0].numel() ** 0.5).clamp(max=longest)
        for _ in range(part.binary_search_steps):
            weights = constants.values * factor
            constants.learn(_descend(found, rival, weights, steps, _spread(step, clean), bounds))
    found.bisect()
    return found.inputs


class Rivals(NamedTuple):
    """The classes of the nearest linearised boundaries, nearest first, how far they are, and by how much they lose.

    (n, rivals) each.
    """

    classes: Tensor
    distances: Tensor
    margins: Tensor


def nearest_rivals(module: nn.Module, clean: Tensor, labels: Tensor, count: int) -> Rivals:
    """The rivals to target, chosen as in DeepFool; infinitely far where a gradient vanishes."""
    leaf = clean.clone().requires_grad_()
    logits = module(leaf)
    candidates = logits.detach().scatter(1, labels[:, None], -torch.inf)
    classes = candidates.topk(min(CANDIDATES, logits.shape[1] - 1), dim=1).indices
    margins = logits.gather(1, labels[:, None]) - logits.gather(1, classes)
    distances = torch.empty_like(margins.detach())
    for place in range(classes.shape[1]):
        (slope,) = torch.autograd.grad(margins[:, place].sum(), leaf, retain_graph=True)
        size = torch.linalg.vector_norm(slope.flatten(1), dim=1)
        distances[:, place] = torch.where(size > 0, margins[:, place].detach() / size, torch.inf)
    distances = distances.nan_to_num(torch.inf, torch.inf)
    order = distances.argsort(dim=1, stable=True)[:, :count]
    return Rivals(*(each.gather(1, order) for each in (classes, distances, margins.detach())))


class _Nearest:
    """The nearest adversarial so far of every input."""

    def __init__(self, module: nn.Module, clean: Tensor, labels: Tensor, confidence: float) -> None:
        self.module, self.clean, self.labels, self.confidence = module, clean, labels, confidence
        self.inputs = clean.clone()
        self.squares = torch.full((len(clean),), torch.inf, device=clean.device)

    def is_adversarial(self, logits: Tensor) -> Tensor:
        """(n,) bool: another class wins, by the confidence."""
        answered = has_answer(logits)
        if self.confidence == 0:
            return answered & (logits.argmax(1) != self.labels)
        own = self.labels[:, None]
        margin = logits.scatter(1, own, -torch.inf).amax(1) - logits.gather(1, own)[:, 0]
        return answered & (margin >= self.confidence)

    def consider(self, inputs: Tensor, logits: Tensor, squares: Tensor) -> Tensor:
        """Keep what is an adversarial nearer (in ‖δ‖²) than any before; (n,) bool, which are adversarials."""
        fooled = self.is_adversarial(logits)
        nearer = fooled & (squares < self.squares)
        if nearer.any():
            self.squares = torch.where(nearer, squares, self.squares)
            self.inputs = torch.where(_spread(nearer, inputs), inputs, self.inputs)
        return fooled

    @torch.no_grad()
    def bisect(self) -> None:
        """Move each adversarial towards its clean input as long as it is one: every place is predicted."""
        far, offsets = self.inputs, self.inputs - self.clean
        near = torch.zeros(len(far), device=far.device)
        reach = torch.ones(len(far), device=far.device)
        for _ in range(BISECTIONS):
            middle = (near + reach) / 2
            inputs = self.clean + _spread(middle, far) * offsets
            fooled = self.consider(inputs, self.module(inputs), _squares(inputs - self.clean))
            near, reach = torch.where(fooled, near, middle), torch.where(fooled, middle, reach)


def _descend(found: _Nearest, rival: Tensor, weights: Tensor, steps: int, step: Tensor, bounds: Bounds) -> Tensor:
    """Minimise ‖δ‖² + c max(0, z_y − z_rival + κ); (n,) bool, where an adversarial was met in the end.

    At first Adam steps along signs and overshoots: an adversarial met then says nothing about the constant.
    """
    low, high = single_precision(bounds)
    clean, own = found.clean, found.labels[:, None]
    met = torch.zeros(len(clean), dtype=torch.bool, device=clean.device)
    inputs = clean
    adam = _Adam(clean)
    for number, share in enumerate(_decay(steps)):
        leaf = inputs.clone().requires_grad_()
        logits, sizes = found.module(leaf), _squares(leaf - clean)
        fooled = found.consider(inputs, logits.detach(), sizes.detach())
        if number >= SETTLED * steps:
            met |= fooled
        margins = (logits.gather(1, own) - logits.gather(1, rival[:, None]))[:, 0] + found.confidence
        (slope,) = torch.autograd.grad((sizes + weights * margins.clamp(min=0)).sum(), leaf)
        inputs = (inputs - share * step * adam.direction(slope.nan_to_num_(0.0, 0.0, 0.0))).clamp(low, high)
    return met


def _decay(steps: int) -> Iterator[float]:
    """The factor on the step, from one to ``LAST`` along half a cosine."""
    for step in range(steps):
        yield LAST + (1 - LAST) * (1 + math.cos(math.pi * step / steps)) / 2


class _Adam:
    """Kingma & Ba 2015, algorithm 1, without the step size."""

    def __init__(self, like: Tensor) -> None:
        self.first, self.second, self.steps = torch.zeros_like(like), torch.zeros_like(like), 0

    def direction(self, slope: Tensor) -> Tensor:
        """The direction to subtract, of a size of about one."""
        self.steps += 1
        first, second = DECAYS
        self.first.lerp_(slope, 1 - first)
        self.second.lerp_(slope.square(), 1 - second)
        mean, square = self.first / (1 - first**self.steps), self.second / (1 - second**self.steps)
        return mean / (square.sqrt_() + 1e-8)


class _Constants:
    """c, the weight of misclassification against distance: a binary search for every input."""

    def __init__(self, initial: Tensor) -> None:
        self.values = initial
        self.low = torch.zeros_like(self.values)
        self.high = torch.full_like(self.values, torch.inf)

    def learn(self, met: Tensor) -> None:
        """Make the constant smaller where an adversarial was met, otherwise larger."""
        self.high = torch.where(met, self.values, self.high)
        self.low = torch.where(met, self.low, self.values)
        middle = (self.low + self.high) / 2
        self.values = torch.where(torch.isinf(self.high), (10 * self.values).clamp(max=1e20), middle)


def _squares(offsets: Tensor) -> Tensor:
    """‖δ‖²: (n, *shape) → (n,)."""
    return offsets.flatten(1).square().sum(1)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    """Reshape (n,) to (n, 1, …), which broadcasts with (n, *shape)."""
    return values.reshape(-1, *[1] * (like.ndim - 1))
