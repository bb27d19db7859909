"""The judge's statistics a second time: slow, from their definitions, in plain Python without numpy or scipy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations
from statistics import NormalDist, fmean, variance

Rows = Sequence[Sequence[float]]
Ends = tuple[float, float]


def z_of(level: float) -> float:
    """The normal quantile of a two-sided interval."""
    return NormalDist().inv_cdf((1 + level) / 2)


def bisect(is_left: Callable[[float], bool], low: float, high: float) -> float:
    """Where a property that holds at ``low`` and fails at ``high`` changes."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if is_left(middle) else (low, middle)
    return (low + high) / 2


def t_of(level: float, degrees: int) -> float:
    """Student's quantile of a two-sided interval: Simpson's rule on the density, and bisection."""
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)

    def within(t: float) -> float:
        steps = 2000
        width = t / steps
        heights = [scale * math.pow(1 + (i * width) ** 2 / degrees, -(degrees + 1) / 2) for i in range(steps + 1)]
        odd, even = sum(heights[1:-1:2]), sum(heights[2:-1:2])
        return 2 * width / 3 * (heights[0] + 4 * odd + 2 * even + heights[-1])

    return bisect(lambda t: within(t) < level, 0.0, 100.0)


def wilson(k: int, n: int, level: float = 0.95) -> Ends:
    """Every share p whose own standard error makes k of n no surprise: |k/n − p| ≤ z √(p(1 − p)/n)."""
    share, z = k / n, z_of(level)

    def is_surprised(p: float) -> bool:
        return abs(share - p) > z * math.sqrt(p * (1 - p) / n)

    low = 0.0 if k == 0 else bisect(is_surprised, 0.0, share)
    high = 1.0 if k == n else bisect(lambda p: not is_surprised(p), share, 1.0)
    return low, high


def tango(gained: int, lost: int, n: int, level: float = 0.95) -> Ends:
    """Every difference whose score statistic is at most z; the nuisance share by maximising the likelihood.

    With P(gained) = q + δ and P(lost) = q, the variance of an image's difference is 2q + δ − δ².
    """
    z, estimate = z_of(level), (gained - lost) / n

    def score(delta: float) -> float:
        spread = 2 * _likeliest(gained, lost, n, delta) + delta - delta**2
        distance = abs(gained - lost - n * delta)
        return distance / math.sqrt(n * spread) if spread > 0 else math.inf if distance > 1e-12 else 0.0

    low = bisect(lambda delta: score(delta) > z, -1.0, estimate)
    high = bisect(lambda delta: score(delta) <= z, estimate, 1.0)
    return low, high


def _likeliest(gained: int, lost: int, n: int, delta: float) -> float:
    """The q that maximises (q + δ)^gained q^lost (1 − 2q − δ)^rest: the derivative of its logarithm falls in q."""
    low, high = max(0.0, -delta), (1 - delta) / 2

    def rises(q: float) -> bool:
        slope = 0.0
        for count, base, sign in ((gained, q + delta, 1), (lost, q, 1), (n - gained - lost, 1 - 2 * q - delta, -2)):
            if count:
                slope += math.copysign(math.inf, sign) if base <= 0 else sign * count / base
        return slope > 0

    return bisect(rises, low, high)


def mean_squares(model: Rows) -> tuple[float, float, float]:
    """Of runs, of images and of the residual, in the two-way table of runs × images."""
    n_runs, n = len(model), len(model[0])
    total = fmean(value for run in model for value in run)
    runs = [fmean(run) for run in model]
    images = [fmean(run[i] for run in model) for i in range(n)]
    of_runs = n * sum((run - total) ** 2 for run in runs) / (n_runs - 1)
    of_images = n_runs * sum((image - total) ** 2 for image in images) / (n - 1)
    residual = sum((model[s][i] - runs[s] - images[i] + total) ** 2 for s in range(n_runs) for i in range(n)) / (
        (n_runs - 1) * (n - 1)
    )
    return of_runs, of_images, residual


def variances_of_mean(model: Rows) -> tuple[float, float]:
    """Of one model's mean: what runs, and what images contribute (``docs/statistics.md``)."""
    of_runs, of_images, residual = mean_squares(model)
    size = len(model) * len(model[0])
    return of_runs / size, max(of_images - residual, 0.0) / size


def variances_of_contrast(models: Sequence[Rows]) -> tuple[float, float, float]:
    """Of a sum of models' means: what runs contribute, Welch's degrees of freedom, what images contribute."""
    n = len(models[0][0])
    of_runs, of_images, welch = 0.0, 0.0, 0.0
    for model in models:
        part = mean_squares(model)[0] / (len(model) * n)
        of_runs += part
        welch += part**2 / (len(model) - 1)
    sums = [sum(fmean(run[i] for run in model) for model in models) for i in range(n)]
    of_images = variance(sums) / n - sum(mean_squares(model)[2] / (len(model) * n) for model in models)
    return of_runs, of_runs**2 / welch if welch else math.inf, max(of_images, 0.0)


def sign_test(more: int, less: int) -> Fraction:
    """Exact one-sided p-value of McNemar's test: at least ``more`` heads among ``more + less`` fair coins."""
    return binomial_tail(more, more + less, Fraction(1, 2))


def binomial_tail(count: int, n: int, share: Fraction) -> Fraction:
    """Probability of at least ``count`` among ``n``."""
    return sum((math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(count, n + 1)), Fraction(0))


def holm(p_values: Sequence[float]) -> list[float]:
    """Closed testing: a hypothesis falls if Bonferroni rejects every family that contains it."""
    everyone = range(len(p_values))
    families = [f for size in range(1, len(p_values) + 1) for f in combinations(everyone, size)]
    return [max(min(1.0, len(f) * min(p_values[i] for i in f)) for f in families if i in f) for i in everyone]


def share_of_runs(averages: Sequence[float], n: int, widened: float, level: float = 0.95) -> Ends:
    """How far below and above the mean the mean of all runs may lie, on shifted log-odds with Cox's term."""
    n_runs, p = len(averages), fmean(averages)
    shift = p * (1 - p) / 10 + 1 / (5 * n)

    def log_odds(share: float) -> float:
        moved = (share + shift) / (1 + 2 * shift)
        return math.log(moved / (1 - moved))

    def share(score: float) -> float:
        return (1 + 2 * shift) / (1 + math.exp(-score)) - shift

    scores = [log_odds(average) for average in averages]
    rare = n_runs * n * min(p, 1 - p)
    spread = variance(scores) + 1 / (1 + rare) ** 3
    skew = 1 - 2 * (p + shift) / (1 + 2 * shift)
    centres = (log_odds(p), fmean(scores) + skew * spread / 2)
    error = math.sqrt(spread / n_runs + (skew * spread) ** 2 / (2 * (n_runs - 1)))
    away = widened * t_of(level, n_runs - 1) * error
    middle = (p + shift) / (1 + 2 * shift)
    alone = 1 / max(n * middle * (1 - middle), 1.0)
    tail = 0.0
    if n_runs >= 5 and variance(scores) > alone:
        third = fmean((score - fmean(scores)) ** 3 for score in scores)
        tail = third / (variance(scores) * (n_runs - 1) / n_runs) ** 1.5
        tail *= (1 - alone / variance(scores)) * (n_runs - 4) / n_runs
        tail = max(-0.5, min(tail, 0.5))
    below, above = away * (1 + max(-tail, 0.0)), away * (1 + max(tail, 0.0))
    return max(p - share(min(centres) - below), 0.0), max(share(max(centres) + above) - p, 0.0)
