"""A minimising L2 attack on images whose exact distances are known (``docs/exact.md``).

Exact distances ignore the bounds of the inputs, so the attack runs without bounds, too: within them even a perfect
attack finds larger distances.
"""

from __future__ import annotations

import numpy as np

from qaml.attacks.base import AttackPart, Target
from qaml.run.arrays import write_arrays
from qaml.run.classifier import trained
from qaml.run.exact import exact_norms, lengths_of
from qaml.run.job import Job
from qaml.run.tested import tested
from qaml.types import Bounds

EXACT = "exact.npz"


def execute(job: Job) -> None:
    """Write ``exact.npz``: indices, norms found without bounds, exact norms, L2 norms of the inputs, (n,) each.

    All are empty if the model has no exact distances, because a defence wraps it.
    """
    attack: AttackPart = job.payload["attack"]
    info, inputs, labels, indices = tested(job, job.payload["images"])
    module = trained(job, job.payload["classifier"])
    exact = exact_norms(module, inputs, labels)
    if exact is None:
        write_arrays(job.output / EXACT, {name: np.zeros(0) for name in ("indices", "found", "exact", "lengths")})
        return
    holder = Target(module, without_bounds(info.bounds), info.n_classes)
    result = attack.run(holder, inputs, labels, job.seed, lambda share: job.progress(share, ""))
    found = {"indices": indices, "found": result.norms, "exact": exact, "lengths": lengths_of(inputs)}
    write_arrays(job.output / EXACT, found)


def without_bounds(bounds: Bounds) -> Bounds:
    """Bounds so wide that they have no effect, yet finite: Carlini & Wagner's change of variables needs an interval."""
    width = bounds.width
    return Bounds(bounds.low - width, bounds.high + width)
