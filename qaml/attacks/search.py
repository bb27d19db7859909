"""Projected gradient ascent on losses that no scale of logits flattens, with gradients that need not be exact.

The claim's own attacks are foolbox's and AutoAttack's; the battery must not share their blind spots. Steps and momentum
follow APGD (Croce & Hein 2020, algorithm 1) with a fixed schedule: the step is halved, and the search goes back to the
best point so far, at fixed shares of the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from qaml.attacks.access import BATCH
from qaml.attacks.geometry import project, random_perturbations
from qaml.attacks.scale import margin
from qaml.models.capabilities import is_randomised
from qaml.types import Bounds
from qaml.vocab import Norm

HALVINGS = (0.22, 0.41, 0.57, 0.7, 0.8, 0.87, 0.93)
"""Shares of the steps at which the step is halved (APGD's checkpoints, section 3.1)."""
POINTS = 2048
"""Largest number of points that SPSA asks a model about at once."""
MOMENTUM = 0.75
"""Weight α of the new step in APGD."""


class Ball(NamedTuple):
    """The set of permitted adversarials: within a budget of the clean input, and within the bounds."""

    norm: Norm
    epsilon: float
    bounds: Bounds


class Looked(NamedTuple):
    """The value of a loss at a batch of points.

    Attributes:
        values: (batch,) values to be maximised.
        fooled: (batch,) bool, whether the search may end there.
        gradient: (batch, *shape) gradient of the values.
    """

    values: Tensor
    fooled: Tensor
    gradient: Tensor


Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits (batch, classes), labels (batch,)) → (batch,), larger where the classifier is nearer to a mistake."""
Look = Callable[[Tensor, Tensor], Looked]
"""(points (batch, *shape), rows (batch,) of the clean inputs) → the loss there."""


def towards(rivals: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The margin of one rival class an input, z_r − z_y.

    Args:
        rivals: (n,) classes, looked up by row.
    """

    def loss(logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        own, other = (logits.gather(1, which[:, None]).squeeze(1) for which in (labels, rivals[rows]))
        return other - own

    return loss


def nearest_rivals(module: nn.Module, clean: Tensor, labels: Tensor, n: int) -> list[Tensor]:
    """The classes with the next largest logits at the clean inputs, nearest first: up to ``n`` of shape (batch,)."""
    with torch.no_grad():
        logits: Tensor = module(clean)
    order = logits.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True)
    return [order[:, place] for place in range(min(n, logits.shape[1] - 1))]


def by_gradient(
    module: nn.Module,
    labels: Tensor,
    loss: Callable[[Tensor, Tensor, Tensor], Tensor],
    judge: nn.Module | None = None,
) -> Look:
    """Gradients by backpropagation.

    Args:
        module: the module that is differentiated.
        labels: (n,) labels of all inputs, looked up by row.
        loss: (logits, labels, rows) → (batch,).
        judge: the classifier that is to be fooled, where it is not the one that is differentiated.
    """

    def look(points: Tensor, rows: Tensor) -> Looked:
        leaf = points.detach().requires_grad_(True)
        own = labels[rows]
        with torch.enable_grad():
            logits = module(leaf)
            values = loss(logits, own, rows)
            (gradient,) = torch.autograd.grad(values.sum(), leaf)
        if judge is not None:
            with torch.no_grad():
                logits = judge(points)
        return Looked(values.detach(), _is_wrong(logits.detach(), own), gradient)

    return look


def by_differences(module: nn.Module, labels: Tensor, reach: float, pairs: int, generator: torch.Generator) -> Look:
    """Gradients of the margin from values at random signs: SPSA (Uesato et al. 2018, arXiv 1802.05666, section 4.1).

    Args:
        module: the classifier, of which only values are used.
        labels: (n,) labels of all inputs, looked up by row.
        reach: distance of the evaluations from the point; coarser than what breaks gradients.
        pairs: number of pairs of evaluations for a gradient.
        generator: generator of the signs, on the CPU.
    """

    @torch.no_grad()
    def look(points: Tensor, rows: Tensor) -> Looked:
        own = labels[rows]
        logits = module(points)
        gradient = torch.zeros_like(points)
        # several at once, for models that take long to ask; of a randomised one each pair has draws of its own
        at_once = 1 if is_randomised(module) else max(1, POINTS // (2 * len(points)))
        for start in range(0, pairs, at_once):
            some = min(at_once, pairs - start)
            drawn = [torch.randint(0, 2, points.shape, generator=generator) for _ in range(some)]
            signs = (torch.stack(drawn) * 2.0 - 1.0).to(points)
            asked = torch.cat([points + reach * signs, points - reach * signs]).flatten(0, 1)
            up, down = margin(module(asked), own.repeat(2 * some)).reshape(2, some, -1)
            gradient += ((up - down).reshape(some, -1, *[1] * (points.ndim - 1)) * signs).sum(0)
        return Looked(margin(logits, own), _is_wrong(logits, own), gradient)

    return look


def _is_wrong(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) != labels) & ~torch.isnan(logits).any(1)


def climb(
    look: Look,
    ball: Ball,
    clean: Tensor,
    steps: int,
    generator: torch.Generator,
    *,
    ends: bool = True,
    start: Tensor | None = None,
) -> Tensor:
    """Search the ball around every input from a random point of it, or from a given one.

    Args:
        look: the objective, which is maximised.
        ball: the threat model.
        clean: (n, *shape) clean inputs.
        steps: gradient steps.
        generator: generator of the start, on the CPU.
        ends: whether an input is left alone once it is fooled; not where answers are random.
        start: (n, *shape) points to start from.

    Returns:
        (n, *shape) float32, for each input the point where it was fooled, else the best one seen.
    """
    if start is None:
        start = clean + random_perturbations(clean, ball.epsilon, ball.norm, generator)
    best = project(start, clean, *_limits(ball))
    active = torch.arange(len(clean), device=clean.device)
    here, before = best.clone(), best.clone()
    highest = torch.full((len(clean),), -torch.inf, dtype=torch.float64, device=clean.device)
    step = 2 * ball.epsilon
    halvings = {max(1, int(share * steps)) for share in HALVINGS}
    for number in range(steps + 1):
        seen = _in_pieces(look, here, active)
        values = torch.where(torch.isnan(seen.values), -torch.inf, seen.values.double())
        better = (values > highest[active]) | (seen.fooled & ends)
        best[active[better]] = here[active[better]]
        highest[active[better]] = values[better]
        keep = ~seen.fooled if ends else torch.ones_like(seen.fooled)
        active, gradient = active[keep], seen.gradient[keep]
        if not len(active) or number == steps:
            break
        if number in halvings:
            step /= 2
            here[active], before[active] = best[active], best[active]
        here, before = _moved(here, before, active, clean, _direction(gradient, ball.norm), step, ball), here
    return best


def _in_pieces(look: Look, here: Tensor, rows: Tensor) -> Looked:
    """Evaluate many points, one batch at a time."""
    pieces = [look(here[some], some) for some in torch.split(rows, BATCH)]
    return pieces[0] if len(pieces) == 1 else Looked(*(torch.cat(parts) for parts in zip(*pieces, strict=True)))


def _moved(
    here: Tensor, before: Tensor, active: Tensor, clean: Tensor, direction: Tensor, step: float, ball: Ball
) -> Tensor:
    """The next points: a projected step, of which a share goes on as the last one did."""
    at, origin, limits = here[active], clean[active], _limits(ball)
    reached = project(at + step * direction, origin, *limits)
    mixed = at + MOMENTUM * (reached - at) + (1 - MOMENTUM) * (at - before[active])
    moved = here.clone()
    moved[active] = project(mixed, origin, *limits)
    return moved


def _limits(ball: Ball) -> tuple[float, Norm, Bounds]:
    return ball.epsilon, ball.norm, ball.bounds


def _direction(gradient: Tensor, norm: Norm) -> Tensor:
    """Steepest ascent; gradients too small to be squared are scaled first, none leads nowhere."""
    finite = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
    if norm == "linf":
        return finite.sign().float()
    flat = finite.flatten(1).double()
    flat = flat / flat.abs().amax(1, keepdim=True).clamp(min=1e-300)
    length = flat.norm(dim=1, keepdim=True).clamp(min=1e-12)
    direction: Tensor = (flat / length).reshape(gradient.shape).float()
    return direction
