"""Make adversarials on one trained model; they are scored on any number of models later."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks.base import AttackPart
from qaml.models.seeding import reseed
from qaml.run.adversarials import check_result, outside
from qaml.run.answers import NO_ANSWER, classes
from qaml.run.arrays import write_arrays
from qaml.run.classifier import defended, target, trained
from qaml.run.dataset import data_of, evaluated
from qaml.run.job import Job
from qaml.types import BoolArray, FloatArray

ADVERSARIALS = "adversarials.npz"


def execute(job: Job) -> None:
    """Write ``adversarials.npz`` with the arrays of ``crafted``."""
    write_arrays(job.output / ADVERSARIALS, crafted(job, lambda module: module))


def crafted(job: Job, seen: Callable[[nn.Module], nn.Module]) -> dict[str, NDArray[np.generic]]:
    """The adversarials of one attack, by the names of arrays.

    There are adversarials (n_epsilons, n, *shape), the images that they start from, start (n, *shape), their labels and
    indices, the epsilons, the successes that the attack claims, which adversarials are outside the budget, and where
    the attacked model gives no answer. A minimisation attack also has its smallest norms, one that asks or estimates
    gradients the number of its queries and, where it is finite, that of its shots, spent, and one that climbed
    cross-entropy the median gap of the logits and the factor that they were multiplied by.

    Args:
        job: a step that attacks.
        seen: the classifier → what the attack sees of it.
    """
    attack: AttackPart = job.payload["attack"]
    data = data_of(job, job.payload["dataset"])
    test = evaluated(data, job.payload["images"], job.payload["order"])
    start = defended(test.inputs, job.payload["start_from"], data.info)
    inputs = torch.from_numpy(start).to(job.device)
    attacked = _attacked(job, inputs)
    result = attack.run(
        target(seen(attacked), data.info, attack),
        inputs,
        torch.from_numpy(test.labels).to(job.device),
        job.seed,
        lambda share: job.progress(share, ""),
    )
    check_result(attack, result, start)
    arrays: dict[str, NDArray[np.generic]] = {
        "adversarials": result.adversarials,
        "start": start,
        "labels": test.labels,
        "indices": test.indices,
        "epsilons": np.asarray(attack.grid, dtype=np.float64),
        "claimed": result.claimed,
        "outside": outside(attack, result, start, data.info.bounds),
        "maker_unanswered": _unanswered(attacked, inputs, result.adversarials[-1], job),
    }
    if result.norms is not None:
        arrays["norms"] = result.norms
    if result.queries is not None:
        arrays["queries"] = result.queries
    if result.spent is not None:
        arrays["spent"] = result.spent
    if result.scale is not None:
        arrays |= {"logit_gap": np.asarray(result.scale.gap), "logit_factor": np.asarray(result.scale.factor)}
    return arrays


def _unanswered(attacked: nn.Module, inputs: Tensor, adversarials: FloatArray, job: Job) -> BoolArray:
    """Where the attacked classifier gives no answer, (2, n): on the images that the attack starts from and ends at.

    An attack finds nothing where the attacked model returns NaN, also if its adversarials are scored on another model.
    """
    reseed(attacked, job.seed)
    ends = torch.from_numpy(adversarials).to(job.device)
    silent: BoolArray = np.stack([classes(attacked, seen) for seen in (inputs, ends)]) == NO_ANSWER
    return silent


def _attacked(job: Job, inputs: Tensor) -> nn.Module:
    """The classifier that the attacker sees: one model, or several at once."""
    if "joint" not in job.payload:
        return trained(job, job.payload["classifier"])
    modules = [
        trained(job, job.payload["classifiers"][str(role)], role.replicate)
        for role in job.parents
        if role.kind == "train"
    ]
    ensemble: nn.Module = job.payload["joint"].ensemble(modules, inputs)
    return ensemble.eval()
