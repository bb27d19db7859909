"""Crossed random effects: training runs (seeds) × test images, the same images for every seed and model.

One number y for each seed s and image i of model m is μ_m + seed_ms + image_mi + residual_msi. Over one model the
mean has variance σ²_seed/S + σ²_image/n + σ²_residual/(Sn). The seeds' own spread s² has expectation σ²_seed +
σ²_residual/n: the residual part of the sampling of images is already in it, so nothing is subtracted from s². What the
seeds share, σ²_image, is not in it, and comes from (MS_image − MS_residual)/(S n) (Searle, Casella & McCulloch 1992,
section 4.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qaml.judge.statistics.limits import Interval, Limits, normal_quantile, t_quantile
from qaml.judge.statistics.wilson import wilson

Array = NDArray[np.float64]


class Components(NamedTuple):
    """The variance of an estimated mean or contrast, in its two parts.

    Attributes:
        value: the estimate.
        seed_variance: of the mean over training runs, Σ s²_m / S_m.
        degrees: Welch–Satterthwaite degrees of freedom of it; infinite where no model has two seeds.
        image_variance: of the mean over images, what training runs share.
        n_images: number of images.
        n_seeds: training runs of the model that has the fewest.
    """

    value: float
    seed_variance: float
    degrees: float
    image_variance: float
    n_images: int
    n_seeds: int


def components(models: Sequence[Array]) -> Components:
    """Estimate the sum of the models' means and its variance components.

    Args:
        models: for each model (S_m, n) contributions, its weights multiplied in; images are the same in the same order,
            seeds of different models are independent.
    """
    n = models[0].shape[1]
    averages: Array = np.sum([model.mean(axis=0) for model in models], axis=0)
    image_variance = float(averages.var(ddof=1)) / n if n > 1 else 0.0
    parts: list[tuple[float, int]] = []
    for model in models:
        n_seeds = len(model)
        if n_seeds > 1:
            image_variance -= _residual_variance(model)
            parts.append((float(model.mean(axis=1).var(ddof=1)) / n_seeds, n_seeds - 1))
    seed_variance = sum(part for part, _ in parts)
    curvature = sum(part * part / degrees for part, degrees in parts)
    degrees = seed_variance**2 / curvature if curvature > 0 else float("inf")
    image_variance = max(image_variance, 0.0)
    return Components(float(averages.mean()), seed_variance, degrees, image_variance, n, min(map(len, models)))


def _residual_variance(model: Array) -> float:
    """MS_residual / (S n)."""
    n_seeds, n = model.shape
    if n < 2:
        return 0.0
    residual = model - model.mean(axis=0) - model.mean(axis=1, keepdims=True) + model.mean()
    squares = float(np.square(residual).sum())
    return squares / float((n_seeds - 1) * (n - 1) * n_seeds * n)


def share_interval(model: Array, n_base: float) -> Interval:
    """Intervals of one share in [0, 1], as a function of the level.

    The image part is Wilson's interval at the effective number of images p(1 − p)/variance, so it is asymmetric near 0
    and 1 and never empty; the seed part is added in squares on either side (Zou & Donner 2008). Where a few seeds lie
    near an edge their spread is skewed, and a symmetric t covers only 75–90 % (simulated, 3 seeds, mean 5 % ± 4 to 8
    points). So on each side the seed part is the wider of the t on shares and the t on log-odds.

    Args:
        model: (S, n) contributions.
        n_base: images that the share is taken among, used where no image differs.
    """
    parts = components([model])
    n_seeds, n = model.shape
    averages = model.mean(axis=1)
    p = min(max(parts.value, 0.0), 1.0)
    unbiased = n / (n - 1) if n_seeds == 1 and n > 1 else 1.0
    effective = p * (1 - p) / parts.image_variance * unbiased if parts.image_variance > 0 else n_base

    def at(level: float) -> Limits:
        image = wilson(p, max(effective, 1.0), level)
        below, above = _seed_reach(averages, p, parts, n_base, level)
        return Limits(max(0.0, p - math.hypot(p - image.low, below)), min(1.0, p + math.hypot(image.high - p, above)))

    return at


def _seed_reach(averages: Array, p: float, parts: Components, n: float, level: float) -> tuple[float, float]:
    """How far the seed part of a share reaches below and above it."""
    n_seeds = len(averages)
    if n_seeds < 2:
        return 0.0, 0.0
    t = t_quantile(level, parts.degrees if math.isfinite(parts.degrees) else n_seeds - 1)
    plain = t * math.sqrt(parts.seed_variance)
    variance = float(special.logit((np.clip(averages, 0, 1) * n + 0.5) / (n + 1)).var(ddof=1))
    # a mean of skewed shares also varies with their spread: Cox's term for a lognormal mean (Zhou & Gao 1997)
    spread = t * math.sqrt(variance / n_seeds + variance**2 / (2 * (n_seeds - 1)))
    centre = special.logit(min(max(p, 0.5 / (n * n_seeds)), 1 - 0.5 / (n * n_seeds)))
    below, above = p - special.expit(centre - spread), special.expit(centre + spread) - p
    return max(plain, float(below)), max(plain, float(above))


def contrast_interval(parts: Components, scale: float = 1.0) -> Interval:
    """Intervals of a contrast, symmetric, as a function of the level.

    Two pseudo-images of ± ``scale`` keep it from shrinking to a point: Bonett & Price's (2012) correction of paired
    proportions, which makes the interval of all-equal images ± 2.8/n wide instead of empty. Each training run has two
    of its own, so they average out over several (the same two for all would cover 99 % near 0 and 1).
    """
    image = parts.image_variance + 2 * scale**2 / (parts.n_images + 2) ** 2 / parts.n_seeds

    def at(level: float) -> Limits:
        seed = t_quantile(level, parts.degrees) ** 2 * parts.seed_variance
        half = math.sqrt(seed + normal_quantile(level) ** 2 * image)
        return Limits(parts.value - half, parts.value + half)

    return at
