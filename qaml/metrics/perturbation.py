"""Properties of perturbations, independent of their success, and possible effects of noise on their labels."""

from __future__ import annotations

import numpy as np

from qaml.metrics.accuracy import place_of
from qaml.metrics.contributions import Contributions, ratio, share
from qaml.metrics.evidence import Attacked, Clean
from qaml.types import AnyArray, IntArray


def low_frequency(attacked: Attacked, epsilon: float) -> Contributions:
    """Mean low-frequency share over all attacked images that were perturbed at this budget, fooled or not.

    An image without a perturbation (an attack that minimises had no answer within the budget) has no spectrum: it
    enters neither the sum nor the number.

    Raises:
        ValueError: the inputs are no images, or the attack was not run at this budget.
    """
    if attacked.low_frequency is None:
        raise ValueError("low_frequency_share needs images")
    shares = np.asarray(attacked.low_frequency[:, place_of(attacked, epsilon)], dtype=np.float64)
    is_perturbed = np.isfinite(shares)
    order = np.argsort(attacked.indices, kind="stable")
    numerator, denominator = np.where(is_perturbed, shares, 0.0), is_perturbed.astype(np.float64)
    return ratio(numerator[:, order], denominator[:, order], attacked.indices[order])


def fidelity(attacked: Attacked, epsilon: float) -> Contributions:
    """Mean |⟨ψ(x)|ψ(x')⟩|² of clean and perturbed states at this budget, all attacked images alike.

    Raises:
        ValueError: the model encodes no states, or the attack was not run at this budget.
    """
    if attacked.fidelity is None:
        raise ValueError("fidelity needs a circuit that encodes states")
    return _averaged(attacked.fidelity[:, place_of(attacked, epsilon)], attacked.indices)


def noise_reach(seen: Clean | Attacked, epsilon: float | None = None) -> Contributions:
    """Share of images, clean or at this budget, whose label noise layers could change: |⟨Z⟩| ≤ 2Σp.

    Raises:
        ValueError: the model has no noise layers, or the attack was not run at this budget.
    """
    if seen.within_noise is None:
        raise ValueError("noise_reach needs noise layers")
    if isinstance(seen, Attacked):
        assert epsilon is not None, "adversarials have a budget"
        return _averaged(seen.within_noise[:, place_of(seen, epsilon)], seen.indices)
    return _averaged(seen.within_noise, seen.indices)


def _averaged(values: AnyArray, indices: IntArray) -> Contributions:
    order = np.argsort(indices, kind="stable")
    return share(values[:, order], indices[order])
