"""Small machines whose every state can be listed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qaml.samplers.base import BoltzmannParameters, Moments
from qaml.types import FloatArray


def small_machine(n_visible: int, n_hidden: int, scale: float = 0.8, seed: int = 0) -> BoltzmannParameters[FloatArray]:
    rng = np.random.default_rng(seed)
    shapes = ((n_visible, n_hidden), (n_visible,), (n_hidden,))
    return BoltzmannParameters(*((scale * rng.standard_normal(shape)).astype(np.float32) for shape in shapes))


def states(n: int) -> NDArray[np.float64]:
    return np.array(np.meshgrid(*[[0.0, 1.0]] * n, indexing="ij")).reshape(n, -1).T


def joint(parameters: BoltzmannParameters[FloatArray]) -> tuple[float, Moments[Any]]:
    """Log Z and moments straight from eq. 6, over every pair of visible and hidden states."""
    w, b, c = (p.astype(np.float64) for p in parameters)
    v, h = states(len(b)), states(len(c))
    weights = np.exp(v @ b[:, None] + (h @ c)[None] + v @ w @ h.T)
    z = weights.sum()
    p = weights / z
    return float(np.log(z)), Moments(v.T @ p @ h, p.sum(1) @ v, p.sum(0) @ h)
