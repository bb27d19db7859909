"""What perturbations look like, whatever they do."""

from __future__ import annotations

import numpy as np

from qaml.metrics.accuracy import place_of
from qaml.metrics.contributions import Contributions, ratio
from qaml.metrics.evidence import Attacked


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
