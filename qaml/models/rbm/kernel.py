"""Parameter updates in one pass over the arrays (numba); the arithmetic is that of torch's Adam and SGD."""

from __future__ import annotations

import numpy as np

from qaml.compiled import compiled
from qaml.types import FloatArray


@compiled(nogil=True, error_model="numpy", fastmath={"contract"})
def adam(
    parameter: FloatArray,
    positive: FloatArray,
    negative: FloatArray,
    mean: FloatArray,
    square: FloatArray,
    lr: float,
    decay: float,
    step: int,
) -> None:
    """One step of Adam (Kingma & Ba 2015) along ⟨·⟩data − ⟨·⟩model, in place.

    Args:
        parameter: (n,) flat.
        positive: (n,) the data's moments.
        negative: (n,) the model's moments.
        mean: (n,) running mean of the gradient.
        square: (n,) running mean of its square.
        lr: learning rate.
        decay: L2 penalty.
        step: steps done with this one, from 1.
    """
    beta1, beta2 = np.float32(0.9), np.float32(0.999)
    rest1, rest2 = np.float32(1) - beta1, np.float32(1 - 0.999)
    rate = np.float32(lr / (1 - 0.9**step))
    root = np.float32(1 / np.sqrt(1 - 0.999**step))
    penalty, tiny = np.float32(decay), np.float32(1e-8)
    for i in range(parameter.shape[0]):
        gradient = negative[i] - positive[i] + penalty * parameter[i]
        mean[i] = beta1 * mean[i] + rest1 * gradient
        square[i] = beta2 * square[i] + rest2 * gradient * gradient
        parameter[i] -= rate * mean[i] / (np.sqrt(square[i]) * root + tiny)


@compiled(nogil=True, error_model="numpy", fastmath={"contract"})
def sgd(
    parameter: FloatArray,
    positive: FloatArray,
    negative: FloatArray,
    velocity: FloatArray,
    lr: float,
    decay: float,
    momentum: float,
) -> None:
    """One step of gradient descent with momentum along ⟨·⟩data − ⟨·⟩model, in place; arrays (n,) flat."""
    rate, penalty, keep = np.float32(lr), np.float32(decay), np.float32(momentum)
    for i in range(parameter.shape[0]):
        velocity[i] = keep * velocity[i] + negative[i] - positive[i] + penalty * parameter[i]
        parameter[i] -= rate * velocity[i]
