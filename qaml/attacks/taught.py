"""Adversarials by a surrogate that learns the classifier's answers around them, round by round.

It needs no gradient of the classifier, and some 150 answers an image, a fiftieth of what differences need: what the
surrogate learns at one image it uses at the others, too (after Papernot et al. 2017, arXiv 1602.02697, section 4, whose
points are around training images).
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from qaml.attacks.geometry import project, random_perturbations
from qaml.attacks.scale import margin
from qaml.attacks.search import Ball, by_gradient, climb
from qaml.models.surrogate import teach

ROUNDS, AROUND = 16, 8
"""Number of rounds of training, and of points around each image in each round."""
STEPS = 20
"""Number of attack steps on the surrogate in each round."""
CHANGED = 0.5
"""Largest share of the coordinates in which a training point differs from the surrogate's adversarial."""


def taught(
    answer: Callable[[Tensor], Tensor],
    surrogate: nn.Module,
    ball: Ball,
    inputs: Tensor,
    labels: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Lead each image by a copy of the surrogate until the classifier is fooled.

    Args:
        answer: (batch, *shape) → (batch, classes) logits of the classifier, at a healthy scale.
        surrogate: a network that imitates the classifier; it is not changed.
        ball: the threat model.
        inputs: (n, *shape) clean inputs.
        labels: (n,) true labels.
        generator: generator of all draws, on the CPU.

    Returns:
        (n, *shape), for each image the point where it was fooled, else where the surrogate led last.
    """
    network = copy.deepcopy(surrogate)
    limits = (ball.epsilon, ball.norm, ball.bounds)
    found, left = inputs.clone(), torch.arange(len(inputs), device=inputs.device)
    points, answers = [inputs], [answer(inputs)]

    def is_right(made: Tensor) -> Tensor:
        points.append(made)
        answers.append(answer(made))
        found[left] = made
        return (answers[-1].argmax(1) == labels[left]) | torch.isnan(answers[-1]).any(1)

    for number in range(ROUNDS + 1):
        look = by_gradient(network, labels[left], lambda logits, own, _: margin(logits, own))
        # every other round continues from the last one's end
        start = found[left] if number % 2 and number > 1 else None
        led = climb(look, ball, inputs[left], STEPS, generator, ends=False, start=start)
        keep = is_right(led)
        left, led = left[keep], led[keep]
        for _ in range(AROUND if number < ROUNDS else 0):
            if not len(left):
                break
            keep = is_right(project(_changed(led, inputs[left], ball, generator), inputs[left], *limits))
            found[left] = torch.where(_along(keep, led), led, found[left])
            left, led = left[keep], led[keep]
        if not len(left) or number == ROUNDS:
            break
        teach(network, torch.cat(points), torch.cat(answers), generator)
    return found


def _changed(led: Tensor, clean: Tensor, ball: Ball, generator: torch.Generator) -> Tensor:
    """Some coordinates of each point moved to elsewhere in the ball, in L∞ to its faces."""
    moved = random_perturbations(clean, ball.epsilon, ball.norm, generator)
    if ball.norm == "linf":
        moved = ball.epsilon * moved.sign()
    share = CHANGED * torch.rand(len(led), generator=generator)
    chosen = (torch.rand(led.shape, generator=generator) < _along(share, led)).to(led.device)
    return torch.where(chosen, clean + moved, led)


def _along(values: Tensor, images: Tensor) -> Tensor:
    """(n,) → a value an image, (n, 1, …)."""
    return values.reshape(-1, *[1] * (images.ndim - 1))
