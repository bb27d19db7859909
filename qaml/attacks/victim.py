"""The battery's target, its threat, and the adversarials of its members."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks.access import View
from qaml.attacks.base import Target
from qaml.vocab import Norm

Shares = NDArray[np.float32]


class Victim(NamedTuple):
    """A trained classifier with everything that the battery may use.

    Attributes:
        target: the classifier as an attacker sees it.
        score: (n, *shape) → (n,) float32, share of draws predicted correctly, for inputs of the given rows.
        is_randomised: whether its forward pass draws.
        has_gradients: whether its logits are differentiable, and the battery may do so.
        is_seen: whether the battery may look inside; otherwise it only asks, as a black-box attack does.
        undefended: the same weights without the defences around them.
        surrogate: a network trained on its answers.
        average: its exact average over draws, as a view.
    """

    target: Target
    score: Callable[[Tensor, Tensor], Shares]
    is_randomised: bool = False
    has_gradients: bool = True
    is_seen: bool = True
    undefended: nn.Module | None = None
    surrogate: nn.Module | None = None
    average: View | None = None


class Threat(NamedTuple):
    """The threat of the battery: norm, budget, and the seed of every draw."""

    norm: Norm
    epsilon: float
    seed: int


class Made(NamedTuple):
    """The adversarials of one member.

    Attributes:
        rows: (m,) rows of the inputs.
        adversarials: (m, *shape) adversarial inputs.
        correct: (m,) share of draws predicted correctly.
    """

    rows: Tensor
    adversarials: Tensor
    correct: Shares
