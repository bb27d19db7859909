"""Where another measurement of the same thing may lie: a paper's value beside ours."""

from __future__ import annotations

import math

from qaml.judge.statistics.crossed import Array, components, share_interval
from qaml.judge.statistics.limits import Limits, normal_quantile, t_quantile
from qaml.judge.statistics.runs import Reach, on_log_odds
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
    run = _spread_of_runs(model, n_base, n_seeds or 1, level) if len(model) > 1 else Reach(0.0, 0.0)
    below = math.hypot(p - ours.low, run.below, p - theirs.low) + reading_error
    above = math.hypot(ours.high - p, run.above, theirs.high - p) + reading_error
    return Limits(max(0.0, p - below), min(1.0, p + above))


def _spread_of_runs(model: Array, n_base: float, n_runs: int, level: float) -> Reach:
    """How far the mean of other runs may lie from ours: the wider of t on shares and z on log-odds.

    Of three runs t on shares reaches far enough (simulated: 93 to 98 %); of ten, near an edge, only log-odds do.
    """
    averages = model.mean(axis=1)
    plain = t_quantile(level, len(averages) - 1) * float(averages.std(ddof=1)) / math.sqrt(n_runs)
    skewed = on_log_odds(averages, n_base).reach_of_others(normal_quantile(level), n_runs)
    return Reach(max(plain, skewed.below), max(plain, skewed.above))
