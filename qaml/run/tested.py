"""The test examples that a step evaluates on its device, and the training run that each is evaluated on."""

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
    """Test examples after the defences that change data.

    Attributes:
        info: description of the dataset.
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
    test = evaluated(data, count, job.payload["order"])
    inputs = torch.from_numpy(defended(test.inputs, description["defences"], data.info)).to(job.device)
    return Tested(data.info, inputs, torch.from_numpy(test.labels).to(job.device), test.indices)


def runs_of(job: Job, n: int) -> IntArray:
    """The number of the training run that each of n examples is evaluated on, (n,): all runs in turn."""
    return np.arange(n) % sum(role.kind == "train" for role in job.parents)
