"""Plant adversarials that are known to exist, and record which ones the attack misses (Zimmermann et al. 2022)."""

from __future__ import annotations

import numpy as np

from qaml.attacks.base import AttackPart
from qaml.attacks.planted import features_of, planted_test
from qaml.run.arrays import write_arrays
from qaml.run.classifier import trained
from qaml.run.job import Job
from qaml.run.tested import tested

IMAGES = 32


def execute(job: Job) -> None:
    """Write ``planted.npz``: missed (n,) bool; empty for models whose last layer is not linear."""
    description = job.payload["classifier"]
    attack: AttackPart = job.payload["attack"]
    module = trained(job, description)
    info, inputs, *_ = tested(job, IMAGES)
    missed = np.zeros(0, dtype=bool)
    features = features_of(module, inputs[:2])
    if features is not None:
        missed = planted_test(
            features,
            inputs,
            float(job.payload["epsilon"]),
            attack.box_within(info.bounds),
            attack.threat_norm,
            attack,
            job.seed,
        )
    write_arrays(job.output / "planted.npz", {"missed": missed})
