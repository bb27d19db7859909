"""The difference of two proportions on the same images, one training run each."""

from __future__ import annotations

import math

from qaml.judge.statistics.limits import Limits, normal_quantile


def tango(gained: int, lost: int, n: int, level: float = 0.95) -> Limits:
    """Tango's (1998) score interval of (gained − lost) / n.

    Args:
        gained: images that only the first model gets right.
        lost: images that only the second gets right.
        n: all images.
        level: of confidence.
    """
    z = normal_quantile(level)
    difference = (gained - lost) / n

    def distance(delta: float) -> float:
        return (gained - lost - n * delta) / math.sqrt(n * _variance(delta, gained, lost, n))

    def crossing(end: float) -> float:
        """Where the score, which falls in delta, leaves ± z between the difference and an edge."""
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
    """Of one image's difference, at the most likely nuisance parameter given the difference (Tango 1998, eq. 7)."""
    b = -gained - lost + (2 * n - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    q = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    return max(2 * q + delta * (1 - delta), 1e-300)
