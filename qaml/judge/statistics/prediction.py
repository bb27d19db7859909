"""Where another measurement of the same thing may lie: a paper's value beside ours."""

from __future__ import annotations

import math

from qaml.judge.statistics.crossed import Array, components, share_interval
from qaml.judge.statistics.limits import Limits, t_quantile
from qaml.judge.statistics.wilson import wilson


def predicted_share(
    model: Array, n_base: float, n_images: int | None, n_seeds: int | None, reading_error: float, level: float = 0.95
) -> Limits:
    """Prediction interval of a share that somebody else measured.

    In squares on either side: our own interval, the spread of ``n_seeds`` new training runs (for one of them, together
    with ours, the seed spread is × √(1 + 1/S)), and Wilson's interval for the other's test images; then the reading
    error is added on both sides. With one training run of ours the spread of runs is unknown and left out.

    Args:
        model: (S, n) our contributions.
        n_base: images that the share is taken among.
        n_images: test images of the other measurement; None if not stated (its sampling error is then left out).
        n_seeds: training runs of the other; None counts as one.
        reading_error: half-width.
        level: of confidence.
    """
    parts = components([model])
    ours = share_interval(model, n_base)(level)
    p = min(max(parts.value, 0.0), 1.0)
    theirs = wilson(p, n_images, level) if n_images else Limits(p, p)
    run = math.sqrt(parts.seed_variance * len(model) / (n_seeds or 1))
    spread = t_quantile(level, parts.degrees) * run if run else 0.0
    below = math.hypot(p - ours.low, spread, p - theirs.low) + reading_error
    above = math.hypot(ours.high - p, spread, theirs.high - p) + reading_error
    return Limits(max(0.0, p - below), min(1.0, p + above))
