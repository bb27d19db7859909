"""Train the battery's own surrogate of one model on the model's answers, independent of all other models of a suite."""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import save_file

from qaml.models.surrogate import imitate
from qaml.run.answers import classes
from qaml.run.classifier import WEIGHTS, defended, trained
from qaml.run.dataset import data_of
from qaml.run.job import Job


def execute(job: Job) -> None:
    """Write the surrogate's ``weights.safetensors``."""
    description: dict[str, Any] = job.payload["classifier"]
    data = data_of(job, description["dataset"])
    module = trained(job, description)
    images = defended(data.train.inputs, description["defences"], data.info)

    def answer(inputs: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(classes(module, inputs)).clamp(min=0).to(inputs.device)

    network = imitate(answer, torch.tensor(images).to(job.device), data.info, job.seed)
    save_file({name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}, job.output / WEIGHTS)
