"""The test examples that a step looks at on its device, and which training run looks at each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from qaml.run.classifier import defended
from qaml.run.dataset import data_of, evaluated
from qaml.run.job import Job
from qaml.types import InputInfo, IntArray


class Tested(NamedTuple):
    """Test examples as a classifier's defences of data leave them.

    Attributes:
        info: of the dataset.
        inputs: (n, *shape), on the step's device.
        labels: (n,), on the step's device.
        indices: (n,) positions of the examples in the original split.
    """

    info: InputInfo
    inputs: Tensor
    labels: Tensor
    indices: IntArray


def tested(job: Job, count: int | None) -> Tested:
    """The first test examples in the suite's order, at most ``count``."""
    description = job.payload["classifier"]
    data = data_of(job, description["dataset"])
    test = evaluated(data.test, count, job.payload["order"])
    inputs = torch.from_numpy(defended(test.inputs, description["defences"], data.info)).to(job.device)
    return Tested(data.info, inputs, torch.from_numpy(test.labels).to(job.device), test.indices)


def runs_of(job: Job, n: int) -> IntArray:
    """The training run that looks at each of n examples, (n,): all runs in turn."""
    return np.arange(n) % sum(role.kind == "train" for role in job.parents)
