"""A minimising L2 attack on images whose exact distances are known (``docs/exact.md``).

Exact distances ignore the bounds of the inputs, so the attack runs without bounds, too: within them even a perfect
attack finds larger distances.
"""

from __future__ import annotations

import numpy as np
import torch

from qaml.attacks.base import AttackPart, Target
from qaml.run.arrays import write_arrays
from qaml.run.classifier import defended, trained
from qaml.run.dataset import data_of, evaluated
from qaml.run.exact import exact_norms, lengths_of
from qaml.run.job import Job
from qaml.types import Bounds

EXACT = "exact.npz"


def execute(job: Job) -> None:
    """Write ``exact.npz``: indices, norms found without bounds, exact norms, L2 norms of the inputs, (n,) each.

    All are empty if the model has no exact distances, because a defence wraps it.
    """
    description = job.payload["classifier"]
    attack: AttackPart = job.payload["attack"]
    data = data_of(job, description["dataset"])
    test = evaluated(data.test, job.payload["images"], job.payload["order"])
    inputs = torch.from_numpy(defended(test.inputs, description["defences"], data.info)).to(job.device)
    labels = torch.from_numpy(test.labels).to(job.device)
    module = trained(job, description)
    exact = exact_norms(module, inputs, labels)
    if exact is None:
        write_arrays(job.output / EXACT, {name: np.zeros(0) for name in ("indices", "found", "exact", "lengths")})
        return
    holder = Target(module, without_bounds(data.info.bounds), data.info.n_classes)
    result = attack.run(holder, inputs, labels, job.seed, lambda share: job.progress(share, ""))
    found = {"indices": test.indices, "found": result.norms, "exact": exact, "lengths": lengths_of(inputs)}
    write_arrays(job.output / EXACT, found)


def without_bounds(bounds: Bounds) -> Bounds:
    """Bounds so wide that they have no effect, yet finite: Carlini & Wagner's change of variables needs an interval."""
    width = bounds.high - bounds.low
    return Bounds(bounds.low - width, bounds.high + width)
