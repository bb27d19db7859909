"""What the battery attacks, with what, and what its members make."""

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
    """A trained classifier with what the battery may know of it.

    Attributes:
        target: the classifier as an attacker sees it.
        score: (n, *shape) → (n,) float32, share of draws predicted correctly, for inputs of the rows given.
        is_randomised: whether its forward pass draws.
        has_gradients: whether its logits are differentiable.
        undefended: the same weights without the defences around them.
        surrogate: a network trained on its answers.
        average: its exact average over draws, as a view.
    """

    target: Target
    score: Callable[[Tensor, Tensor], Shares]
    is_randomised: bool = False
    has_gradients: bool = True
    undefended: nn.Module | None = None
    surrogate: nn.Module | None = None
    average: View | None = None


class Threat(NamedTuple):
    """What the battery attacks with: norm, budget, seed of every draw."""

    norm: Norm
    epsilon: float
    seed: int


class Made(NamedTuple):
    """What one member made.

    Attributes:
        rows: (m,) of the inputs.
        adversarials: (m, *shape).
        correct: (m,) share of draws predicted correctly.
    """

    rows: Tensor
    adversarials: Tensor
    correct: Shares
