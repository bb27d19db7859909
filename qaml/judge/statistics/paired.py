"""The difference of two proportions on the same images, one training run each."""

from __future__ import annotations

import math

from qaml.judge.statistics.limits import Limits, normal_quantile


def tango(gained: int, lost: int, n: int, level: float = 0.95) -> Limits:
    """Tango's (1998) score interval of (gained − lost) / n.

    Args:
        gained: number of images that only the first model classifies correctly.
        lost: number of images that only the second model classifies correctly.
        n: number of all images.
        level: level of confidence, 0–1.
    """
    z = normal_quantile(level)
    difference = (gained - lost) / n

    def distance(delta: float) -> float:
        return (gained - lost - n * delta) / math.sqrt(n * _variance(delta, gained, lost, n))

    def crossing(end: float) -> float:
        """The point between the difference and an edge where the score, which falls in delta, leaves ± z."""
        inside, outside = difference, end
        for _ in range(45):
            middle = (inside + outside) / 2
            if abs(distance(middle)) <= z:
                inside = middle
            else:
                outside = middle
        return inside

    return Limits(crossing(-1.0), crossing(1.0))


def _variance(delta: float, gained: int, lost: int, n: int) -> float:
    """Variance of one image's difference, at the most likely nuisance parameter given ``delta`` (Tango 1998, eq. 7)."""
    b = -gained - lost + (2 * n - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    q = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    return max(2 * q + delta * (1 - delta), 1e-300)
