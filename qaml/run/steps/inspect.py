"""Compare a sampler's estimates of the trained machine with the machine's own distribution."""

from __future__ import annotations

import json

import numpy as np
import torch
from safetensors.numpy import load_file

from qaml.models.rbm.training import visible_units
from qaml.plan.role import Role
from qaml.run.arrays import read_arrays
from qaml.run.classifier import WEIGHTS
from qaml.run.dataset import data_of, own
from qaml.run.job import Job
from qaml.samplers.base import BoltzmannParameters
from qaml.samplers.distribution import distribution_of
from qaml.samplers.inspection import draws_of, inspect


def execute(job: Job) -> None:
    """Write ``inspection.json``, for the machine after training and its training data."""
    data = data_of(job, job.payload["dataset"])
    weights = load_file(job.read(Role("train"), WEIGHTS))
    parameters = BoltzmannParameters(*(np.asarray(weights[name]) for name in BoltzmannParameters._fields))
    train = own(data.train)
    inputs, labels = torch.from_numpy(train.inputs), torch.from_numpy(train.labels)
    visible = visible_units(inputs, labels, data.info.n_classes).numpy()
    job.progress(0.0, "sampling the machine by parallel tempering")
    estimates = read_arrays(job.read(Role("train"), "estimates.npz"))
    truth = distribution_of(parameters, visible, job.seed, draws_of(estimates))
    found = inspect(parameters, estimates, truth, visible)
    found["sampler"] = job.payload["model"].negative_phase.kind
    (job.output / "inspection.json").write_text(json.dumps(found))
