"""Wilson's score interval for a proportion."""

from __future__ import annotations

import math

from qaml.judge.statistics.limits import Limits, normal_quantile


def wilson(share: float, n: float, level: float = 0.95) -> Limits:
    """Wilson's (1927) interval of a proportion measured on n images; n may be an effective, fractional number.

    It is never a single point: 0 of n gives [0, z² / (n + z²)].
    """
    z = normal_quantile(level)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Limits(max(0.0, middle - half), min(1.0, middle + half))
