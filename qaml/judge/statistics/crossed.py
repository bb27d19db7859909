"""Crossed random effects: training runs (seeds) × test images, the same images for every seed and model.

One number y for each seed s and image i of model m is μ_m + seed_ms + image_mi + residual_msi. Over one model the
mean has variance σ²_seed/S + σ²_image/n + σ²_residual/(Sn). The variance s² over seeds has expectation σ²_seed +
σ²_residual/n: it contains the residual part of the sampling of images, so nothing is subtracted from s². It does not
contain σ²_image, which the seeds share, and which is estimated by (MS_image − MS_residual)/(S n) (Searle, Casella &
McCulloch 1992, section 4.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qaml.judge.statistics.limits import Limits, LimitsAt, normal_quantile, t_quantile
from qaml.judge.statistics.runs import Reach, on_log_odds
from qaml.judge.statistics.wilson import wilson
from qaml.types import DoubleArray

SYMMETRIC = Reach(0.0, 0.0)
WIDENED = 1.1
"""Factor on t for the spread of runs near 0 and 1, which three runs underestimate (simulated)."""


class Components(NamedTuple):
    """The variance of an estimated mean or contrast, in its two parts.

    Attributes:
        value: the estimate.
        seed_variance: variance of the mean over training runs, Σ s²_m / S_m.
        degrees: Welch–Satterthwaite degrees of freedom of ``seed_variance``; infinite if no model has two seeds.
        image_variance: the part of the variance of the mean over images that training runs share.
        n_images: number of images.
        n_seeds: number of training runs of the model that has the fewest.
        n_differing: number of images on which the contrast is not zero, added up over paired runs.
    """

    value: float
    seed_variance: float
    degrees: float
    image_variance: float
    n_images: int
    n_seeds: int
    n_differing: float


def components(models: Sequence[DoubleArray], *, is_floored: bool = False) -> Components:
    """Estimate the sum of the models' means and its variance components.

    Args:
        models: for each model (S_m, n) contributions, multiplied by its weight; images are the same in the same order,
            and seeds of different models are independent.
        is_floored: whether the variance over training runs is at least the one that images alone cause. Two or three
            runs may agree by chance, which is the most frequent error in the far tails; the variance that images cause
            is estimated from all images.
    """
    n = models[0].shape[1]
    averages: DoubleArray = np.sum([model.mean(axis=0) for model in models], axis=0)
    image_variance = float(averages.var(ddof=1)) / n if n > 1 else 0.0
    parts: list[tuple[float, int]] = []
    for model in models:
        n_seeds = len(model)
        if n_seeds > 1:
            of_images = residual_variance(model)
            image_variance -= of_images
            of_means = float(model.mean(axis=1).var(ddof=1)) / n_seeds
            parts.append((max(of_means, of_images) if is_floored else of_means, n_seeds - 1))
    seed_variance = sum(part for part, _ in parts)
    curvature = sum(part * part / degrees for part, degrees in parts)
    degrees = seed_variance**2 / curvature if curvature > 0 else float("inf")
    image_variance = max(image_variance, 0.0)
    n_seeds = min(map(len, models))
    paired: DoubleArray = np.sum([model[:n_seeds] for model in models], axis=0)
    n_differing = float(np.square(paired).sum())
    return Components(float(averages.mean()), seed_variance, degrees, image_variance, n, n_seeds, n_differing)


def residual_variance(model: DoubleArray) -> float:
    """MS_residual / (S n) of a model's (S, n) contributions: the variance over runs that images alone cause."""
    n_seeds, n = model.shape
    if n < 2:
        return 0.0
    residual = model - model.mean(axis=0) - model.mean(axis=1, keepdims=True) + model.mean()
    squares = float(np.square(residual).sum())
    return squares / float((n_seeds - 1) * (n - 1) * n_seeds * n)


def share_interval(model: DoubleArray, n_base: float) -> LimitsAt:
    """Intervals of one share in [0, 1], as a function of the level.

    The image part is Wilson's interval at the effective number of images, so it is asymmetric near 0 and 1 and never
    empty; the seed part, on log-odds (``runs``), is added in squares on either side (Zou & Donner 2008).

    Args:
        model: (S, n) contributions.
        n_base: number of images that the share is a share of.
    """
    parts = components([model])
    p = min(max(parts.value, 0.0), 1.0)
    effective = _effective_images(p, parts, n_base)
    runs = on_log_odds(model.mean(axis=1), n_base) if len(model) > 1 else None

    def at(level: float) -> Limits:
        image = wilson(p, effective, level)
        seed = runs.reach(WIDENED * t_quantile(level, parts.n_seeds - 1)) if runs is not None else SYMMETRIC
        below, above = math.hypot(p - image.low, seed.below), math.hypot(image.high - p, seed.above)
        return Limits(max(0.0, p - below), min(1.0, p + above))

    return at


def _effective_images(p: float, parts: Components, n_base: float) -> float:
    """The number of images that corresponds to the variance that training runs share: n if they agree on every image.

    It is larger if they differ. The share of the variance that is common to all runs is estimated with a tenth of a
    pseudo-image on which they agree, as runs that are right, or wrong, on all images agree.
    """
    variance = p * (1 - p)
    common = min(parts.image_variance * n_base / variance, 1.0) if variance > 0 else 1.0
    rare = parts.n_seeds * n_base * min(p, 1 - p)
    return n_base * (rare + 0.1) / (common * rare + 0.1)


def contrast_interval(parts: Components, scale: float = 1.0, skew: Reach = SYMMETRIC) -> LimitsAt:
    """Intervals of a contrast as a function of the level.

    Two pseudo-images of ± ``scale`` keep it from shrinking to a point: Bonett & Price's (2012) correction of paired
    proportions, which makes the interval of all-equal images ± 2.8/n wide instead of empty. With several training runs
    the correction decreases with every image on which the contrast is not zero, as the runs themselves show how much it
    varies (the full correction would cover 99 % near 0 and 1).

    Args:
        parts: variance components of the contrast.
        scale: the largest weight.
        skew: variance to add on either side (``runs.net_skew``).
    """
    pseudo = 2 * scale**2 / (parts.n_images + 2) ** 2
    if parts.n_seeds > 1:
        pseudo /= 1 + parts.n_differing / scale**2

    def at(level: float) -> Limits:
        seed = t_quantile(level, parts.degrees) ** 2 * parts.seed_variance
        z = normal_quantile(level)
        below, above = (math.sqrt(seed + z**2 * (parts.image_variance + pseudo + extra)) for extra in skew)
        return Limits(parts.value - below, parts.value + above)

    return at


def correlation(first: DoubleArray, second: DoubleArray, *, is_same_runs: bool = False) -> float:
    """Correlation of the means of two shares, 0–1, from their contributions on the same images.

    Runs of different models are independent, so only images correlate the shares; with the same runs, so do the runs.
    Four pseudo-images on which the shares differ keep the correlation of two equal models below 1.

    Args:
        first: (S, n) contributions of one share.
        second: (T, n) contributions of the other share, with images in the same order.
        is_same_runs: whether row s of both comes from the same training run.
    """
    n = first.shape[1]
    if n < 2:
        return 0.0
    images = float(np.cov(first.mean(axis=0), second.mean(axis=0))[0, 1]) / n
    shared = images
    if is_same_runs and len(first) == len(second) > 1:
        shared += float(np.cov(first.mean(axis=1), second.mean(axis=1))[0, 1]) / len(first)
    both = [parts.seed_variance + parts.image_variance for parts in (components([first]), components([second]))]
    scale = math.sqrt(both[0] * both[1])
    return min(max(shared / scale, 0.0), 1.0) * n / (n + 4) if scale > 0 else 0.0
